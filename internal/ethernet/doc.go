// Package ethernet is what stations of one link send each other as bytes: addresses of
// cards, ARP messages, and UDP datagrams in IPv4 packets, without the Ethernet header.
//
// Readers take bytes from anybody: they are bounded by their length, allocate nothing
// and refuse what cannot be read without guessing. Writers fill in every checksum.
// Fragments are not put together. Sockets are in internal/rawsocket.
package ethernet
