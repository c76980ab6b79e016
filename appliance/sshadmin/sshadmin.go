// Package sshadmin is the SSH server of the appliance: a root shell, one command,
// or sftp, for who holds a key that the site lists.
//
// It guarantees: public keys only; modern algorithms only; a bounded number of connections that have not
// logged in, shared fairly between their sources, each cut off after LoginTimeout; a bounded rate of log
// lines about refused logins; a bounded number of sessions, of which one source cannot have all; a session
// whose client goes away is hung up like a terminal line, and nothing that it has started outlives it.
//
// Who has not logged in may send 64 kB, and before there are keys no packet of more than RFC 4253
// demands. A connection without a login can still have a buffer of 256 kB, which is the library's: so
// their number is by the machine's memory, as that of sessions is (plan).
//
// Who has logged in may have the box open connections for him, a bounded number (ssh -L, -W, -J), and lend a
// session his agent (-A). No port of the box is opened for a client (-R), and no X11 is forwarded.
//
// A session finds in its environment GATEHOUSE_KEY, what the key is called that opened
// the door, and GATEHOUSE_CONNECTED, when its connection came, in nanoseconds since the
// kernel started (CLOCK_BOOTTIME).
//
// A Service takes another Config while it runs: conversations and sessions go on.
//
// It leaves to others: which addresses are LAN addresses (plan), packets that
// should not arrive at all (firewall), making the host key (boot). Terminal modes
// of the client (RFC 4254 section 8) are not implemented, and sftp is a program of its own
// (userland/transfer).
package sshadmin
