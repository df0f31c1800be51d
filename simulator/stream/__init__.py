"""KIS's WebSocket: sessions, registrations, keep-alive, market data and order notices."""
