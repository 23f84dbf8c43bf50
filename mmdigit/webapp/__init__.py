"""The web app: plain ES modules, style sheets and texts, which the gateway serves as they are."""
