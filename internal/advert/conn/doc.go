// Package conn is router discovery on a link: Router Solicitations and Advertisements (RFC
// 4861 4.1, 4.2) by an ICMPv6 socket that is bound to it, for a router and for a host. A host
// asks its routers too whether they are there (4.3, 4.4).
//
//	kernel: checksum, ICMPv6 types, link ─► Each: source, hop limit, code, length of options ─► Message
//	Advertisement ─► Marshal ─► Send: from the link-local address, hop limit 255
//
// It guarantees that what it returns was sent on this link and passes the checks of RFC 4861
// 6.1.1, 6.1.2 and 7.1.2, and that one option which cannot be read costs no more than that option.
// What is sent leaves from the link-local address that the socket was opened with, and is not
// heard by the machine itself. What a message means is left to others.
//
// A Watch hears who claims addresses of this machine, whatever rules of a firewall say.
//
// Octets are those of mdlayher/ndp, but for what it cannot read: options of 256 octets and
// more, routes whose length is no multiple of eight, and names, of which it makes Unicode.
//
// A socket dies with its link, without an error, and with its link-local address
// (appliance/links). Opening needs CAP_NET_RAW.
package conn
