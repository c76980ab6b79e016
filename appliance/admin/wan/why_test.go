package wan_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

func TestWhy(t *testing.T) {
	requesting := with(func(st *run.Status) {
		lost(st, client.Requesting, 20*time.Second, "an offer is asked for; server 203.0.113.66 offered 203.0.113.7 and does not answer for it")
		st.Client.Tries = 1
		refused := event(time.Minute, client.NAK, client.Refused, `server 198.51.100.2 refuses 198.51.100.23: it says "wrong network"`)
		lies := event(50*time.Second, client.LeaseFail, client.NotBelieved,
			"server 203.0.113.66: the lease of 192.168.32.7/24 is refused: it overlaps lan lan, 192.168.32.0/24. Give that lan another network, or ask the provider for another")
		lies.Remarks = []facts.Remark{{About: facts.AboutTimes, Text: "T1 of 0s is too soon: 5s is taken"}}
		st.Events = append(st.Events, refused,
			event(time.Minute, client.Deconfig, client.Refused, "198.51.100.23 is not ours any more: server 198.51.100.2 refuses it"),
			lies, lies, event(21*time.Second, client.LeaseFail, client.NoReply, "server 203.0.113.66 offered 203.0.113.7 and does not answer for it"))
	})
	released := with(func(st *run.Status) {
		lost(st, client.Released, time.Minute, "there is no address; it was released")
		st.Events = append(st.Events, event(time.Minute, client.Deconfig, client.ByHand, "198.51.100.23 was given back because somebody said so"))
	})
	busy := with(func(st *run.Status) { // each minute another server renews it
		st.Events = st.Events[:2]
		for i := range 48 {
			e := event(time.Duration(48-i)*time.Minute, client.Renewed, client.Rebound, fmt.Sprintf("server 198.51.100.%d renewed it", 2+i%2))
			e.Term.Server = addr(fmt.Sprintf("198.51.100.%d", 2+i%2))
			st.Events = append(st.Events, e)
		}
	})
	young := with(func(st *run.Status) {
		lost(st, client.Selecting, time.Second, "servers are asked for an address")
		st.Client.Heard, st.Client.Tries, st.Events = 0, 1, nil
	})
	kept := with(func(st *run.Status) {
		st.Client.State, st.Client.Term.Unconfirmed, st.Client.Tries = client.Rebooting, true, 3
		st.Events = []client.Event{event(time.Minute, client.BoundTo, client.Silent, "no server answers: the lease of 198.51.100.23/24 from before the start is used; the lease holds for another 3h")}
	})
	for _, tt := range []struct {
		name string
		box  *box
	}{
		{"bound", &box{turns: []run.Status{bound()}}},
		{"thin", &box{turns: []run.Status{thin()}}},
		{"kept", &box{turns: []run.Status{kept}}},
		{"infinite", &box{turns: []run.Status{infinite()}}},
		{"busy", &box{turns: []run.Status{busy}}},
		{"expired", &box{turns: []run.Status{expired()}}},
		{"refused", &box{turns: []run.Status{requesting}}},
		{"released", &box{turns: []run.Status{released}}},
		{"unplugged", &box{turns: []run.Status{unplugged()}}},
		{"young", &box{turns: []run.Status{young}}},
		{"never", &box{turns: []run.Status{{Link: "eth0", Absent: true, Up: up}}}},
		{"static", &box{toml: static}},
		{"several", &box{toml: several}},
		{"off-link", &box{toml: offLink}},
		{"modem", &box{toml: modem, turns: []run.Status{onVLAN(bound())}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := story(t, tt.box.start(t).env, "why")
			admintest.Golden(t, *update, "why-"+tt.name+".txt", text)
			admintest.Safe(t, text, 80)
		})
	}
}

// TestCauses: there are words for each cause that there can be.
func TestCauses(t *testing.T) {
	for _, cause := range []client.Cause{client.Silent, client.Moved, client.Refused, client.NotBelieved, client.Expired,
		client.InUse, client.ByHand, client.NoReply, client.GatewaySilent, client.Foreign, "newer"} {
		st := with(func(st *run.Status) {
			lost(st, client.Selecting, time.Minute, "")
			st.Events = append(st.Events, event(time.Minute, client.LeaseFail, cause, "it happened"))
		})
		out, err := command(t, (&box{turns: []run.Status{st}}).start(t).env, "why --json")
		var x wan.Explanation
		if jsonErr := json.Unmarshal([]byte(out), &x); jsonErr != nil || err != nil {
			t.Fatal(jsonErr, err)
		}
		other := x.Verdict == "eth0 has no address because of this cause: newer"
		if n := len(x.Chain); other != (cause == "newer") || n != 2 || x.Chain[n-1].Text != "it happened" {
			t.Errorf("%s: %+v", cause, x)
		}
	}
}
