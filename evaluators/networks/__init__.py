"""The small networks of the offline tasks, initialised so that every activation starts alike."""

from evaluators.networks.cnn import cnn1d as cnn1d
from evaluators.networks.cnn import cnn2d as cnn2d
from evaluators.networks.gpt import GPT as GPT
from evaluators.networks.mlp import mlp as mlp
from evaluators.networks.parallel import ParallelMLP as ParallelMLP
from evaluators.networks.scaled import scaled as scaled
from evaluators.networks.scaled import scaled_linear as scaled_linear
from evaluators.networks.vit import VisionTransformer as VisionTransformer
