"""The small networks of the offline tasks, initialised so that every activation starts alike."""

from evaluators.tasks.networks.cnn import cnn1d as cnn1d
from evaluators.tasks.networks.cnn import cnn2d as cnn2d
from evaluators.tasks.networks.coordinates import coordinate_mlp as coordinate_mlp
from evaluators.tasks.networks.gpt import GPT as GPT
from evaluators.tasks.networks.mlp import mlp as mlp
from evaluators.tasks.networks.parallel import ParallelMLP as ParallelMLP
from evaluators.tasks.networks.scaled import scaled as scaled
from evaluators.tasks.networks.scaled import scaled_linear as scaled_linear
from evaluators.tasks.networks.vit import VisionTransformer as VisionTransformer
