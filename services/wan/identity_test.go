package wan

import (
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// TestOn: what a site leaves to the card is the card's, and what it says itself stays.
func TestOn(t *testing.T) {
	card, own := MAC{0, 0x16, 0x3e, 1, 2, 3}, MAC{2, 0, 0, 0, 0, 7}
	given := option.Bytes("01")
	for i, c := range []struct {
		conf Config
		mac  MAC
		id   string
	}{
		{Config{}, card, ""},
		{Config{ClientID: given}, card, "01"},
		{Config{Identity: ByMAC}, card, "hex:01:00:16:3e:01:02:03"},
		{Config{Identity: ByMAC, MAC: own}, own, "hex:01:02:00:00:00:00:07"},
		{Config{Identity: ByLink}, card, "hex:ff:3e:01:02:03:00:03:00:01:00:16:3e:01:02:03"},
	} {
		c.conf.Link = "eth0"
		if err := c.conf.Check(); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		got := c.conf.On(card)
		if got.MAC != c.mac || got.ClientID.String() != c.id || got.Identity != Given {
			t.Errorf("%d: %+v", i, got)
		}
		if err := got.Check(); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if again := got.On(MAC{4}); again.MAC != got.MAC || again.ClientID.String() != c.id {
			t.Errorf("%d: twice it is %+v", i, again)
		}
	}
	for want, c := range map[string]Config{
		`wan: identity "x" is none: "mac" or "duid", or a client identifier`:    {Link: "eth0", Identity: "x"},
		"wan: there is a client identifier, and one made of the card's address": {Link: "eth0", Identity: ByMAC, ClientID: given},
		"wan: 01:00:00:00:00:00 is not the address of one Ethernet card":        {Link: "eth0", MAC: MAC{1}},
		"wan: the client identifier has 1 bytes: 2 to 255 (RFC 2132 9.14)":      {Link: "eth0", ClientID: option.Bytes("a")},
	} {
		if err := c.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
