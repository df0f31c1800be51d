"""Registrations: checks of approval keys and HTS ids, one session per app key, and the limit per session."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.catalogue import function_of
from simulator.exchange import Exchange
from simulator.index_levels import INDICES
from simulator.not_served import STREAM, Kind
from simulator.settings import StreamSettings
from simulator.stream.frames import refused, taken
from simulator.stream.session import Session
from simulator.stream.wishes import IN_USE, UNKNOWN_TOPIC, Wish, WishRefusedError, parsed

Holder = tuple[str, str]
"""Environment and app key."""


@dataclass(slots=True)
class RegistrationDesk:
    """Answers client messages. Instants are real time."""

    settings: StreamSettings
    exchange: Exchange
    _sessions: dict[Holder, Session] = field(default_factory=dict)
    _taken_until: dict[Holder, float] = field(default_factory=dict)
    _hts_ids: dict[Holder, str] = field(default_factory=dict)

    def answer(self, session: Session, text: str, now: datetime) -> None:
        """Answer a client's text. If the app key is in use, end the session."""
        try:
            wish = parsed(text, session.service.environment)
            if wish is None:
                session.pinged_at = None
            else:
                session.send(self._taken(session, wish, now))
        except WishRefusedError as error:
            if error.code == UNKNOWN_TOPIC:
                official = function_of("", error.asked)
                why = official.refusal if official and official.lacks else "no such TR id of the stream here"
                session.service.not_served.note(Kind("", STREAM, error.asked), why, error.code)
            session.send(refused(error.code, error.tr_id, error.tr_key))
            if error.code == IN_USE:
                session.end()

    def release(self, session: Session, until: float) -> None:
        """Remove a closed session. Its app key stays in use until ``until`` (real seconds since 1970)."""
        holder = _holder(session)
        if self._sessions.get(holder) is session:
            del self._sessions[holder]
            self._taken_until[holder] = until

    def take_away(self, session: Session, until: float) -> None:
        """Hold a session's app key for a foreign session until ``until`` (real seconds since 1970)."""
        self._taken_until[_holder(session)] = until
        self._sessions.pop(_holder(session), None)

    def _taken(self, session: Session, wish: Wish, now: datetime) -> str:
        self._check_key(session, wish, now)
        self._check_tr_key(session, wish)
        return self._subscribe(session, wish) if wish.begins else self._unsubscribe(session, wish)

    def _check_key(self, session: Session, wish: Wish, now: datetime) -> None:
        app_key = session.service.approvals.app_key_of(wish.approval_key, now)
        if app_key is None:
            raise WishRefusedError("OPSP0011")
        if session.app_key and session.app_key != app_key:
            raise WishRefusedError("OPSP9994")
        holder = (session.service.environment, app_key)
        others = self._sessions.get(holder, session) is not session
        if others or now.timestamp() < self._taken_until.get(holder, 0.0):
            raise WishRefusedError(IN_USE)
        session.app_key = app_key
        self._sessions[holder] = session

    def _check_tr_key(self, session: Session, wish: Wish) -> None:
        if not wish.topic.is_notice:
            known = wish.tr_key in INDICES if wish.topic.is_of_an_index else self.exchange.listing(wish.tr_key)
            if not known:
                raise WishRefusedError("OPSP8992")
            return
        if not wish.tr_key.strip():
            raise WishRefusedError("OPSP8992")
        right = self.settings.hts_id or self._hts_ids.setdefault(_holder(session), wish.tr_key)
        if wish.tr_key != right:
            raise WishRefusedError("OPSP0017")

    def _subscribe(self, session: Session, wish: Wish) -> str:
        registration = (wish.topic.tr_id, wish.tr_key)
        if registration in session.registrations:
            raise WishRefusedError("OPSP0002", *registration)
        if len(session.registrations) >= self.settings.registrations:
            raise WishRefusedError("OPSP0008", *registration)
        session.registrations.add(registration)
        return taken("OPSP0000", *registration, is_notice=wish.topic.is_notice, keys=session.keys)

    def _unsubscribe(self, session: Session, wish: Wish) -> str:
        registration = (wish.topic.tr_id, wish.tr_key)
        if registration not in session.registrations:
            raise WishRefusedError("OPSP0003", *registration)
        session.registrations.remove(registration)
        return taken("OPSP0001", *registration, is_notice=wish.topic.is_notice)


def _holder(session: Session) -> Holder:
    return session.service.environment, session.app_key
