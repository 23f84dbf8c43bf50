"""The API's client in the page, where what answers is not the gateway, and where a token cannot be sent."""

import time

import pytest
from playwright.sync_api import expect

from tests.webapp.between import Answer, between
from tests.webapp.conftest import NewPage, forgive
from tests.webapp.gateway import RunningApp
from tests.webapp.writing import write_by_mouse

REQUEST = """
async () => {
  const { request } = await import("/app/js/api.js")
  return request("GET", "/v1/groups").then(() => "an answer", (error) => `status ${error.status}, ${error.passes}`)
}
"""
CLAIM = """async () => {
  const { claim } = await import("/app/js/review/requests.js")
  return claim("g", {}).catch((error) => [error.status, error.passes])
}"""


@pytest.mark.parametrize("answer", [Answer(), Answer(b'{"groups": []', "application/json", missing=1)])
def test_answer_that_is_not_json_is_an_absent_gateway(new_page: NewPage, app: RunningApp, answer: Answer) -> None:
    with between(app.url) as proxy:
        page = new_page(proxy.url)
        proxy.answers["/v1/groups"] = answer
        assert page.evaluate(REQUEST) == "status 0, true"
        proxy.answers.clear()
        assert page.evaluate(REQUEST) == "an answer"
        page.close()
    forgive(new_page, "ERR_CONTENT_LENGTH_MISMATCH")


def test_claim_that_is_not_json_is_an_absent_gateway(new_page: NewPage, app: RunningApp) -> None:
    with between(app.url) as proxy:
        page = new_page(proxy.url)
        proxy.answers["/v1/review/groups/g/claims"] = Answer()
        assert page.evaluate(CLAIM) == [0, True]
        page.close()


def test_job_of_another_shape_is_asked_again_in_peace(new_page: NewPage, app: RunningApp) -> None:
    with between(app.url) as proxy:
        page = new_page(proxy.url)
        proxy.answers["/v1/jobs"] = Answer(b"{}", "application/json")
        write_by_mouse(page.get_by_role("application", name="Pad to write digits on"), 3)
        begun = time.monotonic()
        page.get_by_role("button", name="Read", exact=True).click()
        expect(page.locator("#notice")).to_contain_text("The gateway does not answer")
        page.wait_for_timeout(1000)  # time in which it may ask again
        assert proxy.asked.count("POST /v1/jobs") <= 2 + (time.monotonic() - begun) / 1.5
        proxy.answers.clear()
        expect(page.locator(".read-digit")).to_have_text("3")
        expect(page.locator("#notice")).to_be_hidden()
        page.close()


def test_token_that_no_header_takes_asks_for_another(new_page: NewPage) -> None:
    page = new_page("/")
    page.evaluate("sessionStorage.setItem('mmdigit.token', '\\u201cabc\\u201d')")
    write_by_mouse(page.get_by_role("application", name="Pad to write digits on"), 3)
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator(".read-problem")).to_contain_text("Log in, then choose Read again.")
    dialog = page.get_by_role("dialog", name="Log in")
    dialog.get_by_label("Token").fill("abc")
    dialog.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator(".read-digit")).to_have_text("3")
