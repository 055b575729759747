package kerascnn.core

import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/** What a benchmark ran on. */
data class Device(
    val cpu: String,
    val cores: Int,
    val system: String,
)

/**
 * One model under one setting.
 *
 * [coldStart]: milliseconds from the file in memory to the first answer. [memory]: bytes of the
 * process after the runs. [thermal]: the system's word, where it has one. [minutes]: the median of
 * each minute of a sustained run.
 */
data class BenchmarkResult(
    val file: String,
    val sha256: String,
    val engine: String,
    val version: String,
    val accelerator: Accelerator,
    val threads: Int,
    val latency: Latency,
    val coldStart: Double,
    val memory: Long,
    val thermal: String?,
    val refused: List<String>,
    val minutes: List<Double> = emptyList(),
)

/** The JSON of benchmark.json: `kerascnn report` reads it like that of `kerascnn benchmark`. */
fun benchmarkJson(
    device: Device,
    date: Date,
    results: List<BenchmarkResult>,
): String {
    val format = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'+00:00'", Locale.ROOT)
    format.timeZone = TimeZone.getTimeZone("UTC")
    return Json.write(
        mapOf(
            "evidence" to "measured",
            "machine" to mapOf("cpu" to device.cpu, "cores" to device.cores, "system" to device.system),
            "date" to format.format(date),
            "timings" to results.map(::timing),
        ),
    )
}

private fun timing(result: BenchmarkResult) =
    mapOf(
        "file" to result.file,
        "sha256" to result.sha256,
        "engine" to result.engine,
        "version" to result.version,
        "accelerator" to result.accelerator.name,
        "refused" to result.refused,
        "threads" to result.threads,
        "cores" to null,
        "runs" to result.latency.runs,
        "median" to result.latency.median,
        "p90" to result.latency.p90,
        "minimum" to result.latency.minimum,
        "cold_start" to result.coldStart,
        "memory_bytes" to result.memory,
        "thermal" to result.thermal,
        "minutes" to result.minutes,
    )
