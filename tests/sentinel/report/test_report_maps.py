"""Maps in the report: drawn from protected routes, embedded, linked, or explained."""

from __future__ import annotations

import dataclasses

from sentinel.report.maps.map_pictures import write_maps
from sentinel.report.protected.protection import protect_study
from sentinel.report.route_tables import largest_legs, routes_frame
from sentinel.report.tables import estimates_table


def test_every_round_is_drawn_embedded_and_linked(release, tmp_path):
    pictures, reasons = write_maps(release, tmp_path / "maps")
    assert reasons == ()
    assert {"flow_map_R2009", "flow_map_R2012"} <= {item.name for item in pictures}
    for picture in pictures:
        opening = {"image/svg+xml": b"<", "image/png": b"\x89PNG"}
        assert picture.image.startswith(opening[picture.media_type])
        assert picture.alt
        for _, target in picture.links:
            assert (tmp_path / target).is_file()


def test_small_legs_are_in_no_file_of_the_maps(study):
    few = study.flows.copy()
    rare = (few["round_id"] == "R2009") & (few["origin"] == "KH-1")
    few.loc[rare, ["n", "n_cases"]] = [3, 1]
    release = protect_study(dataclasses.replace(study, flows=few))
    frame = routes_frame(release)
    assert frame["suppressed"].any()
    assert frame.loc[frame["suppressed"], "n"].isna().all()
    assert not frame["n"].dropna().between(1, 10).any()
    assert all(int(row[-1].replace(",", "")) > 10 for row in largest_legs(release).rows)


def test_places_without_coordinates_are_explained(release, tmp_path):
    assert release.routes is not None
    nowhere = {
        name: getattr(release.routes, name).iloc[:0]
        for name in ("flows", "origins", "crossings", "destinations")
    }
    empty = dataclasses.replace(
        release, routes=dataclasses.replace(release.routes, **nowhere)
    )
    pictures, reasons = write_maps(empty, tmp_path / "maps")
    assert pictures == []
    assert len(reasons) == 1
    assert reasons[0].startswith("Maps: ")


def test_a_study_without_maps_has_none(release, tmp_path):
    config = release.config.model_copy(update={"maps": None})
    without = dataclasses.replace(release, config=config)
    assert write_maps(without, tmp_path / "maps") == ([], ())
    assert not (tmp_path / "maps").exists()


def test_routes_carry_names_of_places(release):
    frame = routes_frame(release)
    assert "Banteay Meanchey" in set(frame["origin_name"])


def test_estimates_table__keeps_places_of_one_name_apart(release):
    table = release.estimates[0]
    codes = table.frame[table.by[-1]].astype("str").unique()[:2]
    named = {**release.labels.codes.get(table.by[-1], {}), **dict.fromkeys(codes, "X")}
    labels = dataclasses.replace(
        release.labels,
        codes={**release.labels.codes, table.by[-1]: named},
        rounds=dict.fromkeys(release.labels.rounds, "X"),
    )
    printed = estimates_table(
        [table], dataclasses.replace(release, labels=labels), name="x", caption="x"
    )
    assert len(printed.rows) == len(table.frame)
    assert len(set(printed.rows)) == len(printed.rows)
    assert len(printed.to_frame()) == len(table.frame)
    assert any(codes[0] in row[len(table.by) - 1] for row in printed.rows)
