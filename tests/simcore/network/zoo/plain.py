"""Networks without skips: XNOR-Net, folded thresholds, {0,1} activations, a line of sound; blocks of transformers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


# XNOR-Net (Rastegari et al., ECCV 2016), K and alpha included, weights centred and clipped.
class BinActive(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.sign(), torch.mean(input.abs(), 1, keepdim=True)

    @staticmethod
    def backward(ctx, grad_output, grad_output_mean):
        return grad_output


class BinConv2d(nn.Module):
    def __init__(self, input_channels, output_channels, kernel_size=3, stride=1, padding=1):
        super().__init__()
        self.bn = nn.BatchNorm2d(input_channels, eps=1e-4, momentum=0.1, affine=True)
        self.conv = nn.Conv2d(input_channels, output_channels, kernel_size, stride=stride, padding=padding)
        self.relu = nn.ReLU(inplace=True)
        self.register_buffer("box", torch.full((1, 1, kernel_size, kernel_size), 1 / kernel_size**2))

    def forward(self, x):
        x, mean = BinActive.apply(self.bn(x))
        weight = self.conv.weight
        weight = (weight - weight.mean(1, keepdim=True)).clamp(-1, 1)
        alpha = weight.abs().mean((1, 2, 3), keepdim=True)
        scale = F.conv2d(mean, self.box, stride=self.conv.stride, padding=self.conv.padding)
        product = F.conv2d(x, weight.sign() * alpha, None, self.conv.stride, self.conv.padding)
        return self.relu(product * scale + self.conv.bias.view(1, -1, 1, 1))


class XnorNet(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.xnor = nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=1, padding=2),
            nn.BatchNorm2d(6, eps=1e-4),
            nn.ReLU(inplace=True),
            BinConv2d(6, 8),
            nn.AvgPool2d(kernel_size=3, stride=2, padding=1),
            BinConv2d(8, 8, kernel_size=1, padding=0),
            nn.Conv2d(8, classes, 1),
            nn.AvgPool2d(kernel_size=4),
        )

    def forward(self, x):
        x = self.xnor(x)
        return x.view(x.size(0), -1)


class ThresholdMlp(nn.Module):
    """Batch norms folded into thresholds: a neuron fires where its whole number reaches its own, some the other way."""

    def __init__(self, sizes=(48, 20, 16, 5)):
        super().__init__()
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        self.weights = nn.ParameterList(torch.where(torch.randn(shape) >= 0, 1.0, -1.0) for shape in shapes)
        for number, (wide, before) in enumerate(shapes[:-1]):
            self.register_buffer(f"threshold{number}", torch.randint(-3, 4, (wide,)) * 2.0 + before % 2 + 0.5)
            self.register_buffer(f"flip{number}", torch.where(torch.rand(wide) < 0.3, -1.0, 1.0))

    def forward(self, x):
        x = 2 * (x.flatten(1) > 127.5).float() - 1
        for number, weight in enumerate(self.weights[:-1]):
            fired = F.linear(x, weight) >= getattr(self, f"threshold{number}")
            x = (2 * fired.float() - 1) * getattr(self, f"flip{number}")
        return F.linear(x, self.weights[-1])


class DoReFaNet(nn.Module):
    """Activations of {0, 1}: DoReFa-Net (Zhou et al., 2016) with a bit each; padded places are 0, not -1."""

    def __init__(self, classes=5):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv1 = nn.Conv2d(6, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8 * 16, classes)

    @staticmethod
    def quantize(x, k=1):
        n = float(2**k - 1)
        return torch.round(torch.clamp(x, 0, 1) * n) / n

    @staticmethod
    def weight(w):
        return torch.sign(w) * w.abs().mean()

    def forward(self, x):
        x = self.quantize(self.conv0(x))
        x = F.max_pool2d(self.bn1(F.conv2d(x, self.weight(self.conv1.weight), padding=1)), 2)
        x = F.conv2d((x > 0).float(), self.weight(self.conv2.weight), self.conv2.bias, padding=1)
        return F.linear(self.quantize(x.flatten(1)), self.weight(self.fc.weight), self.fc.bias)


class Sign(nn.Module):
    def forward(self, x):
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


class BinaryConv1d(nn.Conv1d):
    def forward(self, x):
        return F.conv1d(x, self.weight.sign(), None, self.stride, self.padding, self.dilation, self.groups)


class KeywordNet(nn.Module):
    """Keyword spotting on (coefficients, time): dilated and depthwise convolutions along the time."""

    def __init__(self, classes=5):
        super().__init__()
        self.stem = nn.Conv1d(10, 8, 3, padding=1)
        self.norm0 = nn.BatchNorm1d(8)
        self.depthwise = BinaryConv1d(8, 8, 5, padding=4, dilation=2, groups=8, bias=False)
        self.norm1 = nn.BatchNorm1d(8)
        self.pointwise = BinaryConv1d(8, 12, 1, bias=False)
        self.norm2 = nn.BatchNorm1d(12)
        self.wide = BinaryConv1d(12, 12, 4, stride=2, bias=False)
        self.norm3 = nn.BatchNorm1d(12)
        self.sign = Sign()
        self.fc = nn.Linear(12, classes)

    def forward(self, x):
        x = self.norm0(self.stem(x))
        x = self.norm1(self.depthwise(self.sign(x))) + x
        x = F.max_pool1d(self.norm2(self.pointwise(self.sign(x))), 2)
        x = self.norm3(self.wide(F.pad(self.sign(x), (2, 1), value=-1.0)))  # padded with -1
        return self.fc(x.mean(dim=2))


class BinaryLinear(nn.Linear):
    """Inputs and weights of +1 and -1, scaled; weights centred (BiT, BinaryBERT)."""

    def forward(self, x):
        weight = self.weight - self.weight.mean()
        scale = weight.abs().mean()
        clipped = x.clamp(-1, 1)
        x = (Sign()(x) - clipped).detach() + clipped
        return F.linear(x, torch.where(weight > 0, scale, -scale), self.bias)


class Attention(nn.Module):
    def __init__(self, dim, heads, binary=False):
        super().__init__()
        self.qkv = BinaryLinear(dim, 3 * dim)
        self.proj = BinaryLinear(dim, dim)
        self.heads, self.binary = heads, binary

    def forward(self, x):
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        if self.binary:
            shares = ((q.sign() @ k.sign().transpose(-2, -1)) * (dim // self.heads) ** -0.5).softmax(dim=-1)
            x = shares @ v.sign()
        else:
            x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, dim))


class Block(nn.Module):
    def __init__(self, dim, heads, binary=False):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, binary)
        self.mlp = nn.Sequential(BinaryLinear(dim, 2 * dim), nn.GELU(), nn.Dropout(0.1), BinaryLinear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class BinaryViT(nn.Module):
    def __init__(self, dim=12, classes=5):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, 4, stride=4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, 5, dim))
        self.blocks = nn.ModuleList([Block(dim, 2)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class BinaryBert(nn.Module):
    """Token numbers in, attention of signs."""

    def __init__(self, dim=12, tokens=6, classes=5):
        super().__init__()
        self.word_embeddings = nn.Embedding(30, dim)
        self.position_embeddings = nn.Embedding(tokens, dim)
        self.block = Block(dim, 3, binary=True)
        self.pooler = nn.Linear(dim, dim)
        self.classifier = nn.Linear(dim, classes)

    def forward(self, ids):
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.block(self.word_embeddings(ids) + self.position_embeddings(places))
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))
