"""Panel types of the dashboards, made with Grafana's own builders."""

from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Panel
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As in provisioning/datasources/prometheus.yml."""
COLUMNS = 24
"""Width of Grafana's grid. A grid row is 30 pixels high."""

Queries = dict[str, str]
"""Legend -> PromQL. {{label}} in the legend is a label of the series."""


def number(title: str, expression: str, unit: str, about: str, width: int, legend: str = "") -> Builder[Panel]:
    """The last value in large type over its history. With a legend, one value per series."""
    panel = stat.Panel().graph_mode(BigValueGraphMode.AREA).span(width).height(4)
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        panel.title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .no_value("-")
        .reduce_options(reduced)
        .with_target(_query(0, legend, expression))
    )


def lines(
    title: str,
    queries: Queries,
    unit: str,
    about: str,
    width: int = 12,
    *,
    stacked: bool = False,
    from_zero: bool = True,
) -> Builder[Panel]:
    """A line chart over time."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .fill_opacity(20 if stacked else 0)
        .legend(legend.show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .span(width)
        .height(8)
    )
    if from_zero:
        panel = panel.min(0)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for position, (named, expression) in enumerate(queries.items()):
        panel = panel.with_target(_query(position, named, expression))
    return panel


def bars(title: str, legend: str, expression: str, unit: str, about: str, width: int) -> Builder[Panel]:
    """One bar per series, with its last value."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .no_value("-")
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(width)
        .height(8)
        .with_target(_query(0, legend, expression))
    )


def heat(title: str, histogram: str, unit: str, about: str, width: int) -> Builder[Panel]:
    """A heatmap of observations per bucket over time. histogram: the selector of the _bucket series."""
    colors = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    query = _query(0, "{{le}}", f"sum by (le) (increase({histogram}[$__rate_interval]))")
    return (
        heatmap.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .calculate(False)
        .color(colors)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .span(width)
        .height(8)
        .with_target(query.format(PromQueryFormat.HEATMAP))
    )


def _query(position: int, legend: str, expression: str) -> Dataquery:
    return Dataquery().ref_id(ascii_uppercase[position]).datasource(SOURCE).expr(expression).legend_format(legend)
