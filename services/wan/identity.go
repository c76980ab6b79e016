package wan

// Identity is what a client identifier is made of when the card is known: the site does
// not say which address its card has.
type Identity string

// The identities.
const (
	Given   Identity = ""     // Config.ClientID as it is
	ByMAC   Identity = "mac"  // PlainID of the card
	ByLink  Identity = "duid" // NodeID of the card, of which the machine has its DUID
	iaidEnd          = 4      // how much of the card's address tells links apart, as in dhcpcd
)

// On returns c as it is on a card with the address mac: what the site left to the card
// is filled in. The address that c has itself, if any, is the card's by then.
func (c Config) On(mac MAC) Config {
	if c.MAC == (MAC{}) {
		c.MAC = mac
	}
	switch c.Identity {
	case ByMAC:
		c.ClientID = PlainID(c.MAC)
	case ByLink:
		c.ClientID = NodeID(iaid(c.MAC), LinkLayerDUID(c.MAC))
	}
	c.Identity = Given
	return c
}

// iaid is the number by which the links of one machine are told apart.
func iaid(m MAC) uint32 {
	n := uint32(0)
	for _, b := range m[len(m)-iaidEnd:] {
		n = n<<8 | uint32(b)
	}
	return n
}

// checkIdentity says what is wrong with whose lease it is.
func (c *Config) checkIdentity(wrong func(format string, args ...any)) {
	if c.MAC != (MAC{}) && !c.MAC.IsUnicast() {
		wrong("%s is not the address of one Ethernet card", c.MAC)
	}
	switch n := len(c.ClientID); {
	case c.Identity != Given && c.Identity != ByMAC && c.Identity != ByLink:
		wrong("identity %q is none: %q or %q, or a client identifier", c.Identity, ByMAC, ByLink)
	case c.Identity != Given && n > 0:
		wrong("there is a client identifier, and one made of the card's address")
	case n == 1 || n > maxClientID:
		wrong("the client identifier has %d bytes: 2 to %d (RFC 2132 9.14)", n, maxClientID)
	}
}
