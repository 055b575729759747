package kerascnn.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class JsonTest {
    @Test
    fun whatIsWrittenIsReadAgain() {
        val value = mapOf("a" to listOf(1.0, -2.5e-8, null, true), "é\"\\\n" to mapOf("" to "\u0001/"))
        assertEquals(value, Json.read(Json.write(value)))
    }

    @Test
    fun escapesAndSpacesAreRead() {
        assertEquals(listOf("\u00e9\n/", emptyMap<String, Any>()), Json.read(" [ \"\\u00e9\\n\\/\" , { } ] "))
    }

    @Test
    fun anythingElseIsRefusedWithItsPlace() {
        val broken = listOf("", "{", "[1,]", "{\"a\" 1}", "01", "nul", "\"a", "\"\\x\"", "[1] 2", "\"\n\"", "NaN")
        for (text in broken + "[".repeat(100_000)) {
            val error = assertThrows(text, IllegalArgumentException::class.java) { Json.read(text) }
            assertEquals(true, error.message?.contains("character"))
        }
    }

    @Test
    fun whatJsonCannotSayIsNotWritten() {
        assertThrows(IllegalArgumentException::class.java) { Json.write(Double.NaN) }
    }
}
