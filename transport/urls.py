"""From URL to adapter: kafka://host:9092/topic, sqlite:///path/to/file?topic=jobs, redis://host:6379/0, sqlite:///path.

    kafka://host:port[,host:port...]/topic      Publisher, Consumer
    sqlite:///relative.db, sqlite:////abs.db    Publisher, Consumer (topic "jobs", or ?topic=NAME), PredictionStore
    redis://[user:password@]host[:port]/db      PredictionStore
"""
