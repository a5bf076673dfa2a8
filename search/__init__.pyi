from .campaign import Campaign as Campaign
from .config import CampaignConfig as CampaignConfig
from .grammar import Grammar as Grammar
from .strategy import Proposal as Proposal
from .strategy import Strategy as Strategy
from .strategy import Told as Told
