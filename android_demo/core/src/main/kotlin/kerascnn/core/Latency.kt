package kerascnn.core

import kotlin.math.floor

/** Milliseconds of many runs; percentiles lie between two runs where they must, as in NumPy. */
data class Latency(
    val runs: Int,
    val median: Double,
    val p90: Double,
    val minimum: Double,
) {
    companion object {
        /** Summarizes at least one time. */
        fun of(milliseconds: List<Double>): Latency {
            require(milliseconds.isNotEmpty()) { "no runs" }
            val sorted = milliseconds.sorted()
            return Latency(sorted.size, percentile(sorted, 0.5), percentile(sorted, 0.9), sorted.first())
        }

        private fun percentile(
            sorted: List<Double>,
            share: Double,
        ): Double {
            val place = share * (sorted.size - 1)
            val below = floor(place).toInt()
            val above = minOf(below + 1, sorted.size - 1)
            return sorted[below] + (sorted[above] - sorted[below]) * (place - below)
        }
    }
}
