package run_test

const tableIntro = `# What is answered to which combination

RFC 2131 says what clients send in each state, and clients send other things as well. A test asks three servers the same
3,840 messages, each of a client of its own, and writes this page: dnsmasq 2.90, dhcpd 4.4.3 (ISC), both authoritative and not
pinging, and this one (` + "`services/dhcp/run`, TestTable" + `). Where this one does what neither of the others does, or not what
RFC 2131 says, the last column has the number of the reason, and the test fails where there is none.

| word | means |
|---|---|
| good | the address that the client has a lease of; for an unknown client one that is free |
| taken | an address that another client has a lease of |
| far | an address of another network |
| new | an address that is none of these |
| known | the client has a lease; an unknown one was never heard of |
| B | the broadcast flag |
| giaddr | 0, or a relay agent of a network that is served, or of one that is not |
| * | any; "not far" is any but that, 0 and – too |
| – | it is not there; as an answer: silence |
| · | RFC 2131 says that no client sends this, and nothing about the answer |

Columns that make no difference are left out. Another server, in option 54, is one on the same network.
`

func questions() []question {
	answered := []int{0, 1, 2}
	return []question{
		{
			title: "What is answered",
			text:  "The answer, and the address in it (yiaddr). In a REQUEST the address that is asked for is in 50, or, without that, in ciaddr.",
			kinds: answered, of: func(v verdict) string { return v.answer }, rfc: rfcAnswer,
			reasons: []reason{
				{
					func(c combo, did [3]string) bool {
						return c[colServer] == other54 && c[colAsked] != none && did[here] == "–"
					},
					"It takes the offer of another server, which answers. The others, being authoritative, refuse it or give it its old lease.",
				},
				{
					func(c combo, did [3]string) bool {
						return c[colServer] == zero54 && c[colClient] == 0 && did[here] == "ACK good"
					},
					"0.0.0.0 is no server, so the message counts as if it named none.",
				},
				{func(c combo, did [3]string) bool {
					return c[colAsked] != none && c[colClient] == 1 && did[here] == "–"
				},
					"RFC 2131 4.3.2: \"If the DHCP server has no record of this client, then it MUST remain silent\". It asks anew within seconds."},
				{func(c combo, did [3]string) bool { return c[colCIAddr] == far && did[here] == "NAK" },
					"A client that was carried here from another network learns at once that its address is of no use. The others say nothing until its lease ends."},
			},
		},
		{
			title: "Where the answer goes",
			text: "`card` is a frame to the client's card and its new address, without asking ARP; `ciaddr` a datagram to that address, after ARP or through\n" +
				"a router; `agent` one to the relay agent, port 67. Of the others those are shown that give the same answer; `?` is one that never does.",
			kinds: answered, of: func(v verdict) string { return v.way }, rfc: rfcWay, byAnswer: true,
			reasons: []reason{
				{func(c combo, did [3]string) bool {
					return c[colKind] != 2 && c[colCIAddr] != none && (did[here] == "card" || did[here] == "broadcast")
				},
					"A client that asks for an address, or names a server, has none yet, whatever it has in ciaddr: nobody would answer ARP for it."},
			},
		},
		{title: "ciaddr in the answer", text: "As RFC 2131 table 3 has it.", kinds: answered, of: func(v verdict) string { return v.ciaddr }, rfc: rfcCIAddr, byAnswer: true},
		{title: "What becomes of the address", text: "There is no answer. What became of the good address shows when others ask for it, and then the client: it is free, kept for the client, or\nset aside, for nobody.", kinds: []int{3, 4}, of: func(v verdict) string { return v.after }, rfc: rfcAfter},
	}
}

func rfcAnswer(c combo, _ verdict) []string {
	server, asked, ciaddr, known, agent := c[colServer], c[colAsked], c[colCIAddr], c[colClient] == 0, c[colAgent]
	silence := []string{"–"}
	switch kind := kinds[c[colKind]]; {
	case agent == 2 && kind == discover:
		return silence // 4.3.1: no address of its network
	case agent == 2:
		return nil
	case kind == discover && (server != none || ciaddr != none):
		return nil // table 5
	case kind == discover && (known || asked == good):
		return []string{"OFFER good"} // 4.3.1
	case kind == discover:
		return []string{"OFFER new"}
	case kind == inform && (server != none || asked != none || ciaddr == none):
		return nil // table 5
	case kind == inform && ciaddr == far:
		return []string{"ACK", "–"} // 4.3.5: "SHOULD check the network address … for consistency"
	case kind == inform:
		return []string{"ACK"}
	case server != none && asked == none:
		return nil // table 4
	case server == other54:
		return silence // 4.3.2: for the other
	case server == zero54:
		return nil
	case server == named54:
		return rfcSelecting(asked, ciaddr, known)
	case asked != none && ciaddr != none, asked == none && ciaddr == none:
		return nil // table 4
	case asked != none:
		return rfcInitReboot(asked, known)
	}
	return rfcRenewing(ciaddr, known)
}

// rfcSelecting is 4.3.2, SELECTING, and 3.1.4.
func rfcSelecting(asked, ciaddr int, known bool) []string {
	switch {
	case ciaddr != none || asked == none:
		return nil
	case asked == good && known:
		return []string{"ACK good"}
	case asked == good: // was not offered to it
		return []string{"ACK good", "NAK"}
	}
	return []string{"NAK"}
}

// rfcInitReboot is 4.3.2, INIT-REBOOT.
func rfcInitReboot(asked int, known bool) []string {
	switch {
	case asked == far:
		return []string{"NAK"}
	case !known:
		return []string{"–"}
	case asked == good:
		return []string{"ACK good"}
	}
	return []string{"NAK"}
}

// rfcRenewing is 4.3.2, RENEWING and REBINDING: "the server will trust the client's value in ciaddr", "SHOULD
// check".
func rfcRenewing(ciaddr int, known bool) []string {
	switch {
	case ciaddr == good && known:
		return []string{"ACK good"}
	case ciaddr == good:
		return []string{"ACK good", "–", "NAK"}
	}
	return []string{"NAK", "–"}
}

// rfcWay is 4.1.
func rfcWay(c combo, v verdict) []string {
	switch {
	case v.answer == "–":
		return nil
	case c[colAgent] != 0:
		return []string{"agent"}
	case v.answer == "NAK":
		return []string{"broadcast"}
	case c[colCIAddr] != none:
		return []string{"ciaddr"}
	case c[colFlag] == 1:
		return []string{"broadcast"}
	}
	return []string{"card"}
}

// rfcCIAddr is table 3.
func rfcCIAddr(c combo, v verdict) []string {
	if len(v.answer) > 2 && v.answer[:3] == "ACK" && c[colCIAddr] != none {
		return []string{"0", words[colCIAddr][c[colCIAddr]]}
	}
	return []string{"0"}
}

// rfcAfter is 4.3.3 and 4.3.4.
func rfcAfter(c combo, _ verdict) []string {
	server, asked, ciaddr, known := c[colServer], c[colAsked], c[colCIAddr], c[colClient] == 0
	switch {
	case c[colAgent] == 2:
		return nil
	case !known && kinds[c[colKind]] == release:
		return []string{"free"}
	case server == other54 && known:
		return []string{"kept"}
	case server == other54:
		return []string{"free"}
	case server != named54 || !known:
		return nil
	case kinds[c[colKind]] == release && ciaddr == good && asked == none:
		return []string{"free"}
	case kinds[c[colKind]] == decline && asked == good && ciaddr == none:
		return []string{"aside"}
	}
	return nil
}
