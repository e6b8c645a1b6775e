// The desk's behaviours. Each file stands alone and finds its elements by data-attributes. The keys come before what moves
// among rows: the second key of a pair is not also a step.
import "./theme.js";
import "./menus.js";
import "./dialogs.js";
import "./time.js";
import "./toast.js";
import "./composer.js";
import "./composer-draft.js";
import "./composer-files.js";
import "./composer-pick.js";
import "./panels.js";
import "./keys.js";
import "./rows.js";
import "./picking.js";
import "./focus.js";
import "./forms.js";
import "./desk-live.js";
import "./desk-conversation.js";
import "./desk-tabs.js";
import "./together.js";
import "./notifications.js";
import "./desk-search.js";
import "./pwa.js";
