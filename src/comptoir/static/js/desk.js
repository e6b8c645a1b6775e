// The desk's behaviours. Each file stands alone and finds its elements by data-attributes.
import "./theme.js";
import "./menus.js";
import "./dialogs.js";
import "./time.js";
import "./toast.js";
import "./composer.js";
import "./rows.js";
import "./keys.js";
import "./focus.js";
import "./forms.js";
import "./desk-live.js";
import "./desk-conversation.js";
import "./desk-tabs.js";
import "./desk-search.js";
import "./pwa.js";
