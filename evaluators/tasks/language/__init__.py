"""Tasks on text that need the packages of ``actsearch[language]`` and files that nobody downloads for you."""

from evaluators.tasks.language.gpt2_dpo import BETAS, LANGUAGE, Gpt2DPO, Gpt2DPOHH, Gpt2DPOSHP

__all__ = ["BETAS", "LANGUAGE", "Gpt2DPO", "Gpt2DPOHH", "Gpt2DPOSHP"]
