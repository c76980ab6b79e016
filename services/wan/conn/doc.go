// Package conn is the sockets of the way out: of a DHCPv4 client, messages and who has an
// address (ARP, RFC 5227); of a host with IPv6, router discovery and DHCPv6 (Conn6); and whether
// the cable is in.
//
// Over IPv4 everything is received and sent below addresses, routes and firewall rules, by packet
// sockets: a client has no address at first, servers may lie outside the network of the
// address that they gave, and no route or rule of the house may keep a renewal from
// leaving by this link, or its answer from being heard. Beside them an ordinary socket
// holds the port, and throws away what arrives: without it the kernel would tell a server
// that answers by unicast that nobody is there (ICMP, port unreachable).
//
// The kernel lets in what could be an answer to us: one UDP datagram in one packet, to
// port 68, a BOOTREPLY with our hardware address in it, on this very link and no VLAN of
// it. Read is paced, so that a flood of such answers costs little and fills the kernel's
// buffer, not ours. What a message says, when to send one, and to whom, is left to others.
//
// Sockets die with their link, without an error (appliance/links). Check finds that out;
// then it takes a Close and an Open. Opening, and everything with ARP, needs CAP_NET_RAW;
// Open needs CAP_NET_BIND_SERVICE too.
package conn
