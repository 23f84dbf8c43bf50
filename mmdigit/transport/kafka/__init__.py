"""Publisher and Consumer on Kafka, by kafka-python 3."""
