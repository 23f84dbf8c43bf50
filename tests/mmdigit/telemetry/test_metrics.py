"""A list of metrics becomes what is scraped, and nothing else."""

from mmdigit.telemetry.metrics import Metric, RegisteredMetrics, observe_all, prefixed

LIST = prefixed(
    "shop_",
    (
        Metric("sales_total", "counter", "", "Sales.", ("kind",)),
        Metric("open", "gauge", "", "Whether it is open."),
        Metric("wait_seconds", "histogram", "seconds", "Waiting.", buckets=(1.0, 2.0)),
    ),
)


class Shop(RegisteredMetrics):
    def __init__(self) -> None:
        super().__init__(LIST)
        self.sales = self._counter("shop_sales_total")
        self.open = self._gauge("shop_open")
        self.wait_s = self._histogram("shop_wait_seconds")


def test_registered_metrics_are_scraped_under_their_prefix() -> None:
    shop = Shop()
    shop.sales.labels("bread").inc(2)
    shop.open.set(1)
    shop.wait_s.observe(1.5)
    value = shop.registry.get_sample_value
    assert value("shop_sales_total", {"kind": "bread"}) == 2
    assert value("shop_open") == 1
    assert [value("shop_wait_seconds_bucket", {"le": limit}) for limit in ("1.0", "2.0", "+Inf")] == [0, 1, 1]


def test_observe_all_counts_as_single_observations_do() -> None:
    values = [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 7.0]
    one_by_one, together = Shop(), Shop()
    for value in values:
        one_by_one.wait_s.observe(value)
    observe_all(together.wait_s, values)
    observe_all(together.wait_s, [])
    for name in ("bucket", "count", "sum"):
        for bound in ("1.0", "2.0", "+Inf"):
            labels = {"le": bound} if name == "bucket" else {}
            found = [
                shop.registry.get_sample_value(f"shop_wait_seconds_{name}", labels) for shop in (one_by_one, together)
            ]
            assert found[0] == found[1] is not None
