"""What is known of one expression before any training: may it be trained, what does it cost, what is it like?"""
