"""Pack what the charts share into each of them, as ``helm dependency update`` would: ``python -m deploy.helm``."""

from deploy.helm.packing import vendor

if __name__ == "__main__":
    vendor()
