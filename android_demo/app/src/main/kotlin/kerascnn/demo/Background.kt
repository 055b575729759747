package kerascnn.demo

import android.os.Handler
import android.os.Looper
import java.util.concurrent.Executor
import java.util.concurrent.Executors

/** Where models load and run: one thing at a time, never on the main thread. */
object Background {
    /** Tests run what is asked for at once. */
    var executor: Executor = Executors.newSingleThreadExecutor()
    private val main = Handler(Looper.getMainLooper())

    /** Runs [work], then [then] with what it gave on the main thread; a failure comes as a Result. */
    fun <T> run(
        work: () -> T,
        then: (Result<T>) -> Unit,
    ) = executor.execute {
        val outcome = runCatching(work)
        if (Looper.myLooper() == Looper.getMainLooper()) then(outcome) else main.post { then(outcome) }
    }
}
