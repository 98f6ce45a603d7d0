"""A departure delay model by ordinary least squares: design matrix, fit, and how wrong it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Weather that a schedule's hour can be joined with, and what an hour without it is taken for.
WEATHER = {"precip": 0.0, "wind_speed": 10.0, "visib": 10.0}


@dataclass(frozen=True)
class DelayModel:
    """Coefficients in minutes of delay, by column of the design matrix."""

    columns: tuple[str, ...]
    coefficients: NDArray[np.float64]

    def predict(self, flights: pd.DataFrame, weather: pd.DataFrame) -> NDArray[np.float64]:
        """Minutes of departure delay to be expected for each flight."""
        matrix = _design(flights, weather).reindex(columns=list(self.columns), fill_value=0.0)
        return np.asarray(matrix.to_numpy(dtype=float) @ self.coefficients, dtype=np.float64)


def fit(flights: pd.DataFrame, weather: pd.DataFrame, *, ridge: float = 1.0) -> DelayModel:
    """Fit the flights that departed.

    Parameters
    ----------
    ridge
        Weight of the penalty on the squared coefficients; above 0 it also keeps the columns that
        always sum to one (airlines, airports) solvable.
    """
    departed = flights[flights["dep_delay"].notna()]
    design = _design(departed, weather)
    matrix = design.to_numpy(dtype=float)
    normal = matrix.T @ matrix + ridge * np.eye(matrix.shape[1])
    target = matrix.T @ departed["dep_delay"].to_numpy(dtype=float)
    return DelayModel(tuple(design.columns), np.linalg.solve(normal, target))


def score(model: DelayModel, flights: pd.DataFrame, weather: pd.DataFrame) -> dict[str, Any]:
    """How far the model is off on flights that it may not have seen.

    Returns
    -------
    dict
        `flights` scored, `mean_absolute_error` and that of always guessing the mean
        (`guessing_the_mean`), both in minutes, and `r2` (1 is perfect, 0 no better than the mean).
    """
    departed = flights[flights["dep_delay"].notna()]
    actual = departed["dep_delay"].to_numpy(dtype=float)
    error = actual - model.predict(departed, weather)
    spread = actual - actual.mean()
    return {
        "flights": len(departed),
        "mean_absolute_error": round(float(np.abs(error).mean()), 2),
        "guessing_the_mean": round(float(np.abs(spread).mean()), 2),
        "r2": round(1.0 - float(error @ error) / float(spread @ spread), 4),
    }


def strongest(model: DelayModel, *, count: int = 5) -> dict[str, float]:
    """The columns that move the prediction most, strongest first, with their minutes."""
    order: Sequence[int] = np.argsort(-np.abs(model.coefficients))[:count].tolist()
    return {model.columns[i]: round(float(model.coefficients[i]), 2) for i in order}


def _design(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    keys = ["origin", "time_hour"]
    joined = flights[[*keys, "carrier", "hour"]].merge(
        weather[[*keys, *WEATHER]], on=keys, how="left"
    )
    numbers = joined[list(WEATHER)].fillna(WEATHER)
    # Delays pile up over the day and not evenly, hence the square.
    day = pd.DataFrame(
        {"hour": joined["hour"] / 10.0, "hour_squared": (joined["hour"] / 10.0) ** 2}
    )
    kinds = pd.get_dummies(joined[["carrier", "origin"]], dtype=float)
    return pd.concat([day, numbers, kinds], axis=1)
