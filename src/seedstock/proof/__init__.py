"""Are a few real rows and synthetic ones as good to train on as many real ones?"""
