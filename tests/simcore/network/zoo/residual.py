"""Residual networks in the manner of their authors' code: Bi-Real Net, ReActNet, AdaBin, and BinaryDenseNet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


# Bi-Real Net (Liu et al., ECCV 2018): a sign whose gradient is that of a polynomial, weights scaled by their mean size.
class BinaryActivation(nn.Module):
    def forward(self, x):
        out_forward = torch.sign(x)
        mask1 = x < -1
        mask2 = x < 0
        mask3 = x < 1
        out1 = (-1) * mask1.type(torch.float32) + (x * x + 2 * x) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-x * x + 2 * x) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        return out_forward.detach() - out3.detach() + out3


class HardBinaryConv(nn.Module):
    def __init__(self, in_chn, out_chn, kernel_size=3, stride=1, padding=1, groups=1):
        super().__init__()
        self.stride, self.padding, self.groups = stride, padding, groups
        self.weight = nn.Parameter(torch.randn(out_chn, in_chn // groups, kernel_size, kernel_size) * 0.1)

    def forward(self, x):
        real_weights = self.weight
        scaling_factor = torch.mean(
            torch.mean(torch.mean(abs(real_weights), dim=3, keepdim=True), dim=2, keepdim=True), dim=1, keepdim=True
        )
        scaling_factor = scaling_factor.detach()
        binary_weights_no_grad = scaling_factor * torch.sign(real_weights)
        cliped_weights = torch.clamp(real_weights, -1.0, 1.0)
        binary_weights = binary_weights_no_grad.detach() - cliped_weights.detach() + cliped_weights
        return F.conv2d(x, binary_weights, stride=self.stride, padding=self.padding, groups=self.groups)


def shortcut(inplanes, planes, stride):
    if stride == 1 and inplanes == planes:
        return None
    return nn.Sequential(
        nn.AvgPool2d(kernel_size=2, stride=stride),
        nn.Conv2d(inplanes, planes, 1, bias=False),
        nn.BatchNorm2d(planes),
    )


class BiRealBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.binary_activation = BinaryActivation()
        self.binary_conv = HardBinaryConv(inplanes, planes, stride=stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(inplanes, planes, stride)

    def forward(self, x):
        residual = x
        out = self.bn1(self.binary_conv(self.binary_activation(x)))
        if self.downsample is not None:
            residual = self.downsample(x)
        out += residual
        return out


# ReActNet (Liu et al., ECCV 2020): shifts before the sign (RSign) and around the PReLU (RPReLU).
class LearnableBias(nn.Module):
    def __init__(self, out_chn):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(1, out_chn, 1, 1) * 0.1)

    def forward(self, x):
        return x + self.bias.expand_as(x)


class ReActBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.move11 = LearnableBias(inplanes)
        self.binary_activation = BinaryActivation()
        self.binary_conv = HardBinaryConv(inplanes, planes, stride=stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.move12 = LearnableBias(planes)
        self.prelu = nn.PReLU(planes)
        self.move13 = LearnableBias(planes)
        self.downsample = shortcut(inplanes, planes, stride)

    def forward(self, x):
        residual = x
        out = self.bn1(self.binary_conv(self.binary_activation(self.move11(x))))
        if self.downsample is not None:
            residual = self.downsample(x)
        out += residual
        return self.move13(self.prelu(self.move12(out)))


class ResNet(nn.Module):
    """``layers`` numbers of single-convolution blocks at ``widths``; the widths of ResNet-18 are 4, 4, 4, 4."""

    def __init__(self, block, layers, widths, classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        blocks, inplanes = [], widths[0]
        for stage, (count, planes) in enumerate(zip(layers, widths, strict=True)):
            for number in range(count):
                blocks.append(block(inplanes, planes, 2 if stage and not number else 1))
                inplanes = planes
        self.layers = nn.Sequential(*blocks)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inplanes, classes)

    def forward(self, x):
        x = self.layers(self.bn1(self.conv1(x)))
        x = self.avgpool(x)
        return self.fc(x.view(x.size(0), -1))


# ReActNet-A: a 3x3 (here depthwise, as in MobileNet) and a 1x1, whose outputs are doubled by two of them side by side.
class MobileBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1, depthwise=True):
        super().__init__()
        self.move11 = LearnableBias(inplanes)
        self.binary_3x3 = HardBinaryConv(inplanes, inplanes, stride=stride, groups=inplanes if depthwise else 1)
        self.bn1 = nn.BatchNorm2d(inplanes)
        self.prelu1 = nn.PReLU(inplanes)
        self.move21 = LearnableBias(inplanes)
        self.doubled = planes == 2 * inplanes
        self.binary_pw_down1 = HardBinaryConv(inplanes, inplanes, 1, padding=0)
        self.bn2_1 = nn.BatchNorm2d(inplanes)
        if self.doubled:
            self.binary_pw_down2 = HardBinaryConv(inplanes, inplanes, 1, padding=0)
            self.bn2_2 = nn.BatchNorm2d(inplanes)
        self.binary_activation = BinaryActivation()
        self.stride = stride
        self.pooling = nn.AvgPool2d(2, 2)
        self.prelu2 = nn.PReLU(planes)

    def forward(self, x):
        out1 = self.bn1(self.binary_3x3(self.binary_activation(self.move11(x))))
        if self.stride == 2:
            x = self.pooling(x)
        out1 = self.prelu1(x + out1)
        out2 = self.binary_activation(self.move21(out1))
        if not self.doubled:
            return self.prelu2(self.bn2_1(self.binary_pw_down1(out2)) + out1)
        out2_1 = self.bn2_1(self.binary_pw_down1(out2)) + out1
        out2_2 = self.bn2_2(self.binary_pw_down2(out2)) + out1
        return self.prelu2(torch.cat([out2_1, out2_2], dim=1))


class ReActMobile(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.feature = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)), MobileBlock(6, 12, 2)]
        )
        self.feature.append(MobileBlock(12, 12))
        self.pool1 = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(12, classes)

    def forward(self, x):
        for block in self.feature:
            x = block(x)
        return self.fc(self.pool1(x).flatten(1))


# BinaryDenseNet (Bethge et al., ICCVW 2019), dilated, with concatenation.
class DenseLayer(nn.Module):
    def __init__(self, channels, growth, dilation=1):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, growth, 3, padding=dilation, dilation=dilation, bias=False)

    def forward(self, x):
        weight = torch.where(self.conv.weight >= 0, 1.0, -1.0)
        signs = torch.where(self.bn(x) >= 0, 1.0, -1.0)
        padding, dilation = self.conv.padding, self.conv.dilation
        return torch.cat([x, F.conv2d(signs, weight, None, 1, padding, dilation)], dim=1)


class BinaryDenseNet(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 8, 3, padding=1, bias=False))
        self.features.add_module("denselayer1", DenseLayer(8, 4))
        self.features.add_module("denselayer2", DenseLayer(12, 4, dilation=2))
        self.features.add_module("norm", nn.BatchNorm2d(16))
        self.features.add_module("pool", nn.MaxPool2d(2, ceil_mode=True))
        self.features.add_module("relu", nn.ReLU(inplace=True))
        self.features.add_module("conv", nn.Conv2d(16, 8, 1, bias=False))
        self.features.add_module("denselayer3", DenseLayer(8, 4))
        self.classifier = nn.Linear(12, classes)

    def forward(self, x):
        out = F.relu(self.features(x), inplace=True)
        return self.classifier(F.adaptive_avg_pool2d(out, (1, 1)).view(x.size(0), -1))


# AdaBin (Tu et al., ECCV 2022): two values each, that need not be opposite, for weights and activations.
class BinaryQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return torch.sign(input)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class AdaBinConv2d(nn.Conv2d):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.alpha_a = nn.Parameter(torch.tensor(0.8))
        self.beta_a = nn.Parameter(torch.tensor(0.15))

    def forward(self, inputs):
        x = BinaryQuantize.apply((inputs - self.beta_a) / self.alpha_a)
        x = self.alpha_a * x + self.beta_a
        w = self.weight
        beta_w = w.mean((1, 2, 3)).view(-1, 1, 1, 1)
        alpha_w = torch.sqrt(((w - beta_w) ** 2).sum((1, 2, 3)) / w[0].numel()).view(-1, 1, 1, 1)
        wb = BinaryQuantize.apply((w - beta_w) / alpha_w) * alpha_w + beta_w
        return F.conv2d(x, wb, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Maxout(nn.Module):
    def __init__(self, channel):
        super().__init__()
        self.neg_scale = nn.Parameter(0.25 * torch.ones(channel))
        self.pos_scale = nn.Parameter(1.5 * torch.ones(channel))
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.pos_scale.view(1, -1, 1, 1) * self.relu(x) - self.neg_scale.view(1, -1, 1, 1) * self.relu(-x)


class LambdaLayer(nn.Module):
    def __init__(self, lambd):
        super().__init__()
        self.lambd = lambd

    def forward(self, x):
        return self.lambd(x)


class AdaBinBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = AdaBinConv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.nonlinear1 = Maxout(planes)
        self.conv2 = AdaBinConv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.nonlinear2 = Maxout(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:  # option A
            pad = (planes - in_planes) // 2
            self.shortcut = LambdaLayer(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, pad, pad), "constant", 0))

    def forward(self, x):
        out = self.nonlinear1(self.bn1(self.conv1(x)) + self.shortcut(x))
        return self.nonlinear2(self.bn2(self.conv2(out)) + out)


class AdaBinResNet(nn.Module):
    """ResNet-20 with ``blocks`` of 3."""

    def __init__(self, blocks=1, width=4, classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.nonlinear = Maxout(width)
        layers, planes = [], width
        for stage in range(3):
            for number in range(blocks):
                wide = width * 2**stage
                layers.append(AdaBinBlock(planes, wide, 2 if stage and not number else 1))
                planes = wide
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(planes, classes)

    def forward(self, x):
        out = self.layers(self.nonlinear(self.bn1(self.conv1(x))))
        out = F.avg_pool2d(out, out.size()[3])
        return F.log_softmax(self.linear(out.view(out.size(0), -1)), dim=1)
