// <form data-passkey="create|get|sign-in"> asks the device before it is sent: its answer travels in the field `credential`.
// The options come from the JSON element #passkey-options, or, before anybody is known, from the address data-passkey-from.
{
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytes(key.id) }));

  const create = async ({ creation_options: { publicKey } }) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
        excludeCredentials: listed(publicKey.excludeCredentials),
        // A passkey signs in by itself: the device keeps it, and checks who holds the device.
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      },
    });
    const { clientDataJSON, attestationObject } = made.response;
    return answer(made, { clientDataJSON, attestationObject }, made.response.getTransports?.());
  };

  const get = async ({ request_options: { publicKey } }) => {
    const found = await navigator.credentials.get({
      publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: listed(publicKey.allowCredentials) },
    });
    const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
    return answer(found, { clientDataJSON, authenticatorData, signature, userHandle });
  };

  const answer = (credential, parts, transports) => ({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, value && text(value)])),
      ...(transports && { transports }),
    },
  });

  const options = async (form) => {
    const address = form.dataset.passkeyFrom;
    if (!address) return JSON.parse(document.getElementById("passkey-options").textContent);
    const response = await fetch(address, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (!response.ok) throw new Error(response.statusText);
    return response.json();
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-passkey]");
    if (!form || form.elements.credential.value) return;
    event.preventDefault();
    const trouble = form.querySelector("[data-passkey-trouble]");
    trouble.hidden = true;
    try {
      const made = await (form.dataset.passkey === "create" ? create : get)(await options(form));
      form.elements.credential.value = JSON.stringify(made);
      form.submit();
    } catch {
      delete form.dataset.sent; // forms.js would swallow the next try
      trouble.hidden = false; // refused, cancelled, or a device without passkeys
    }
  });
}
