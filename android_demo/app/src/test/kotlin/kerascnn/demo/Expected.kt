package kerascnn.demo

import android.net.Uri
import kerascnn.core.Json
import org.junit.Assume.assumeTrue
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File

/** What `fixtures.py` left: pictures, and what Python says of them. */
object Expected {
    private val folder = File(System.getProperty("fixtures"))
    private val tree = Json.read(folder.resolve("expected.json").readText()) as Map<*, *>
    val digits = (tree["digits"] as List<*>).map { it as String }
    val pictures = (tree["pictures"] as List<*>).map { it as String }

    fun file(name: String) = folder.resolve("pictures/$name")

    /** Python's five likeliest labels with their probabilities. */
    fun answers(
        model: String,
        picture: String,
    ): List<Pair<String, Float>> {
        val told = ((tree["answers"] as Map<*, *>)[model] as Map<*, *>)[picture] as List<*>
        return told.map { it as List<*> }.map { (label, p) -> label as String to (p as Double).toFloat() }
    }

    /** An address under which the app finds a file, as another app would hand it over. */
    fun shared(
        name: String,
        content: ByteArray = file(name).readBytes(),
    ): Uri {
        val uri = Uri.parse("content://pictures/$name")
        shadowOf(RuntimeEnvironment.getApplication().contentResolver)
            .registerInputStreamSupplier(uri) { content.inputStream() }
        return uri
    }
}

/** Skips a test, and says why, where LiteRT's library was not made loadable. */
fun assumeLiteRt() =
    assumeTrue(
        "LiteRT cannot be loaded here: make test-android makes it loadable with gcc on x86-64 Linux",
        File(System.getProperty("litert"), "libtensorflowlite_jni.so").exists(),
    )
