"""A template on paper: the PDF, and the markers and the QR code by which its scans are recognised."""
