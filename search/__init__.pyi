from .campaign.loop import Campaign as Campaign
from .configuration.config import CampaignConfig as CampaignConfig
from .space.grammar import Grammar as Grammar
from .strategies.catalogue import STRATEGIES as STRATEGIES
from .strategies.proposal import Proposal as Proposal
from .strategies.strategy import Strategy as Strategy
from .strategies.strategy import StrategyOptions as StrategyOptions
from .strategies.strategy import Told as Told
