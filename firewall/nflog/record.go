// Package nflog is what the rules have logged: packets, by their headers.
//
// The kernel hands packets that a rule with a log logs to an NFLOG group (nfnetlink_log): the rule's name,
// the interfaces and the first bytes of the packet. This package says what a [Record] of it is, and takes the
// headers apart; the service that keeps records is in run.
//
// The bytes of packets are those of strangers: headers are read only as far as they are there, and nothing is
// believed of them. Of a packet that is cut short or makes no sense there is what could be read.
package nflog

import (
	"net/netip"
	"time"
)

// A Record is a packet that a rule has logged.
type Record struct {
	Seq  uint64        `json:"seq"`            // counts all that this process has seen, from 1
	Up   time.Duration `json:"up_ns"`          // when, since the kernel started
	Lost uint64        `json:"lost,omitempty"` // how many before it the kernel could not hand over
	Rule string        `json:"rule"`           // by what name it was logged
	In   string        `json:"in,omitempty"`   // interface that it came by; "" if it is the appliance's own
	// interface that it was to leave by; "" if it was for the appliance, or Early
	Out string `json:"out,omitempty"`
	// Early says that it was logged before the kernel decided where it goes.
	Early bool   `json:"early,omitempty"`
	MAC   string `json:"mac,omitempty"` // of the neighbour who sent it
	Packet
}

// A Packet is what the headers of a packet say.
type Packet struct {
	Source      netip.Addr `json:"source,omitzero"` // zero: it is no whole IP header
	Destination netip.Addr `json:"destination,omitzero"`
	Length      int        `json:"length"`    // of the whole packet as its header has it, in bytes
	HopLimit    uint8      `json:"hop_limit"` // or time to live
	// of IANA's protocol numbers, behind the extension headers of IPv6
	Proto uint8 `json:"proto"`
	// Transport says that there was enough of the next header for the ports of TCP, UDP and their like, or
	// type and code of ICMP and ICMPv6.
	Transport       bool   `json:"transport"`
	SourcePort      uint16 `json:"source_port,omitempty"`
	DestinationPort uint16 `json:"destination_port,omitempty"`
	Type            uint8  `json:"type,omitempty"`
	Code            uint8  `json:"code,omitempty"`
	Flags           string `json:"flags,omitempty"`    // of TCP: "SYN,ACK"
	Fragment        bool   `json:"fragment,omitempty"` // only a part of a packet
	// ARP is "request" or "reply" if the packet is one of ARP: Source is who says that he sent it, by the
	// card Names, and Destination who is asked for.
	ARP   string `json:"arp,omitempty"`
	Names string `json:"names,omitempty"`
}

// Config is what the service needs to know.
type Config struct {
	Group uint16 `json:"group"` // of NFLOG
}

// LogArgs are the arguments of the control method "log".
type LogArgs struct {
	After  uint64 `json:"after,omitempty"`  // only what is newer than this [Record.Seq]
	Follow bool   `json:"follow,omitempty"` // and what comes, until the client leaves
}

// A Line is one result of the control method "log".
type Line struct {
	Record
	Time    time.Time `json:"time"`              // when, by the clock as it is set now
	Missing bool      `json:"missing,omitempty"` // records before it came and went unseen
}
