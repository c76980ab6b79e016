package sshcfg

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestConfigRoundTrip(t *testing.T) {
	want := Config{
		AuthorizedKeys: []string{"ssh-ed25519 AAAA someone"},
		HostKeyFile:    "/perm/ssh/host_ed25519",
		Listen:         []Endpoint{{netip.MustParseAddrPort("192.168.32.1:22"), "eth1"}, {Address: netip.MustParseAddrPort("[2001:db8::1]:22")}},
		Shell:          "/bin/gosh",
		Env:            []string{"EDITOR=ed"},
		LoginTimeout:   time.Second,
		KeepAlive:      2 * time.Second,
		MaxPending:     3, MaxPendingPerSource: 2, MaxForwards: 5, SFTPServer: "/lib/sftp",
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s came back as %+v", text, got)
	}
}

func TestConfigCheck(t *testing.T) {
	c := Config{
		Listen: []Endpoint{{netip.MustParseAddrPort("0.0.0.0:22"), ""}, {netip.MustParseAddrPort("[::]:22"), ""}, {Interface: "eth1"}},
		Shell:  "sh", Env: []string{"EDITOR"},
	}.WithDefaults()
	want := strings.TrimPrefix(`
ssh: listen address 0.0.0.0 means every interface, also the WAN; name an address of a LAN
ssh: listen address :: means every interface, also the WAN; name an address of a LAN
ssh: listen address of interface "eth1" is missing
ssh: shell "sh" is no absolute path
ssh: environment "EDITOR" is not of the form NAME=value`, "\n")
	if err := c.Check(); err == nil || err.Error() != want {
		t.Errorf("check:\n%v\nwant:\n%s", err, want)
	}
}
