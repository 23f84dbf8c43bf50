"""The page worker: scanned pages in, jobs and kept pages out. The loop is mmdigit.forms.worker.loop.PageWorker."""
