"""
A stopped Gatehouse's store, read and changed behind its back, with the library it is kept by: for
what no interface does in the time of a test, such as an owner whose certificate has changed.
"""

import contextlib
import ctypes
import ctypes.util

LMDB = ctypes.CDLL(ctypes.util.find_library("lmdb") or "liblmdb.so.0")
FIRST, NEXT = 0, 8  # MDB_cursor_op


class Value(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    @classmethod
    def of(cls, octets):
        value = cls(len(octets))
        value.octets = ctypes.create_string_buffer(octets, max(1, len(octets)))
        value.data = ctypes.cast(value.octets, ctypes.c_void_p)
        return value

    def taken(self):
        return ctypes.string_at(self.data, self.size)


def ok(status):
    assert status == 0, f"LMDB says {status}"


@contextlib.contextmanager
def transaction(folder):
    """A transaction and its database; what was written is kept."""
    env, txn, dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
    ok(LMDB.mdb_env_create(ctypes.byref(env)))
    ok(LMDB.mdb_env_set_mapsize(env, ctypes.c_size_t(1 << 30)))
    ok(LMDB.mdb_env_open(env, str(folder).encode(), 0, 0o600))
    ok(LMDB.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
    ok(LMDB.mdb_dbi_open(txn, None, 0, ctypes.byref(dbi)))
    try:
        yield txn, dbi
        ok(LMDB.mdb_txn_commit(txn))
    finally:
        LMDB.mdb_env_close(env)


def records(folder, prefix):
    """All that is kept under keys that begin so."""
    found = {}
    with transaction(folder) as (txn, dbi):
        cursor, key, value = ctypes.c_void_p(), Value(), Value()
        ok(LMDB.mdb_cursor_open(txn, dbi, ctypes.byref(cursor)))
        step = FIRST
        while LMDB.mdb_cursor_get(cursor, ctypes.byref(key), ctypes.byref(value), step) == 0:
            if key.taken().startswith(prefix):
                found[key.taken()] = value.taken()
            step = NEXT
        LMDB.mdb_cursor_close(cursor)
    return found


def replace(folder, prefix, new):
    """`new` in place of all that is kept under keys that begin so."""
    old = records(folder, prefix)
    with transaction(folder) as (txn, dbi):
        for key in old:
            ok(LMDB.mdb_del(txn, dbi, ctypes.byref(Value.of(key)), None))
        for key, value in new.items():
            ok(LMDB.mdb_put(txn, dbi, ctypes.byref(Value.of(key)), ctypes.byref(Value.of(value)),
                            0))
