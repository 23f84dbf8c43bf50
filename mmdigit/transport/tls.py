"""TLS contexts that always verify the peer, and a one-line explanation of a failed handshake."""

import ssl

from mmdigit.files.regular import open_regular
from mmdigit.settings.access import Certificates
from schemas.errors import SettingsError

MAX_PEM_BYTES = 16 * 1024 * 1024  # the system's own certificate bundle is 0.2 MiB


def tls_context(certificates: Certificates, place: str) -> ssl.SSLContext:
    """A client context: TLS 1.2 or newer, with certificate and host name verified.

    place: "kafka" or "redis", the prefix of the settings that messages name.
    Raises SettingsError if a file cannot be used.
    """
    _require_readable(certificates, place)
    try:
        context = ssl.create_default_context(cafile=certificates.ca)
    except ssl.SSLError as error:
        raise SettingsError(
            f"expected PEM certificates as {place}_ca_file, got {str(certificates.ca)!r}: {error}"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificates.certificate is not None:
        try:
            # Without a password, OpenSSL would prompt on the terminal.
            context.load_cert_chain(certificates.certificate, certificates.key, password="")
        except ssl.SSLError as error:
            raise SettingsError(
                f"expected a PEM certificate and its unencrypted key as {place}_cert_file and "
                f"{place}_key_file, got {str(certificates.certificate)!r} and {str(certificates.key)!r}: {error}"
            ) from error
    return context


def tls_failure(text: str, place: str) -> str | None:
    """Why TLS failed and what to do, from the error's text; None if the error is not about certificates.

    Both clients wrap the ssl module's error and keep only its text.
    """
    lower = text.lower()
    if "certificate_verify_failed" in lower:
        if "expired" in lower:
            return "its certificate has expired; renew it (or check this machine's clock)"
        if "not yet valid" in lower:
            return "its certificate is not valid yet; check this machine's clock"
        if "hostname mismatch" in lower or "ip address mismatch" in lower:
            return "its certificate is for another host name; use a name from the certificate, or renew it"
        return f"its certificate was issued by an untrusted authority; set {place}_ca_file"
    if "certificate_required" in lower or "certificate required" in lower or "handshake failure" in lower:
        return f"it requires a client certificate; set {place}_cert_file and {place}_key_file"
    if "alert" in lower and any(word in lower for word in ("unknown ca", "unknown_ca", "certificate")):
        return f"it rejected the client certificate; check {place}_cert_file"
    return None


def _require_readable(certificates: Certificates, place: str) -> None:
    for name, path in (
        ("ca_file", certificates.ca),
        ("cert_file", certificates.certificate),
        ("key_file", certificates.key),
    ):
        if path is not None:
            try:
                open_regular(path, MAX_PEM_BYTES).close()
            except OSError as error:
                raise SettingsError(
                    f"expected a readable file as {place}_{name}, got {str(path)!r}: {error.strerror}"
                ) from error
