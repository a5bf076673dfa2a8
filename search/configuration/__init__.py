"""What a campaign is asked to do: checked, layered, and every key explained."""
