"""What a function asks of the pods that run it, in Nuclio's function configuration."""

from __future__ import annotations

from typing import Any

import pelton
from pelton.builders.nuclio_spec import function_config

GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def spec(nuclio: pelton.Nuclio, memory: int = 512) -> dict[str, Any]:
    app = pelton.App("pods")

    @app.function(memory=memory, nuclio=nuclio)
    def score(row: list[float]) -> float:
        return sum(row)

    found: dict[str, Any] = function_config(score, "entry:handler", "python:3.11")["spec"]
    return found


def test_a_gpu_and_its_nodes() -> None:
    found = spec(
        pelton.Nuclio(
            gpu=2,
            requests={"cpu": "250m", "memory": "256Mi"},
            limits={"cpu": "2"},
            node_selector={"pool": "gpu"},
            tolerations=(GPU,),
            image_pull_secret="registry",
        )
    )
    assert found["resources"] == {
        "limits": {"memory": "512Mi", "cpu": "2", "nvidia.com/gpu": "2"},
        "requests": {"cpu": "250m", "memory": "256Mi"},
    }
    assert found["nodeSelector"] == {"pool": "gpu"}
    assert found["tolerations"] == [GPU]
    assert found["imagePullSecrets"] == "registry"


def test_what_is_not_said_is_not_there() -> None:
    found = spec(pelton.Nuclio())
    assert found["resources"] == {"limits": {"memory": "512Mi"}}
    assert not {"nodeSelector", "tolerations", "imagePullSecrets"} & found.keys()


def test_a_limit_of_its_own_goes_before_the_function_s_memory() -> None:
    limits = {"memory": "2Gi", "amd.com/gpu": "1"}
    assert spec(pelton.Nuclio(limits=limits))["resources"]["limits"] == limits
