package kerascnn.demo

import android.app.Activity
import android.view.View

/** The view of that id, which the layout has; Android's own requireViewById is younger than API 24. */
fun <T : View> Activity.view(id: Int): T = checkNotNull(findViewById<T>(id))

/** The same inside a view. */
fun <T : View> View.view(id: Int): T = checkNotNull(findViewById<T>(id))
