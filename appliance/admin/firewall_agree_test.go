package admin_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestExplainAgrees asks about the flows of the flow table that begin a conversation. The kernel has the same
// table (TestPacketsDecide in firewall/nft).
func TestExplainAgrees(t *testing.T) {
	s, err := site.Load(os.DirFS("../../firewall/flowtest/" + flowtest.Site))
	if err != nil {
		t.Fatal(err)
	}
	g := gate{dir: t.TempDir(), bans: new([]firewall.Ban), site: func() (*site.Site, error) { return s, nil }}
	if err := shown.WriteRules(g.dir, plan.Make(s, plan.Learned{}).Firewall); err != nil {
		t.Fatal(err)
	}
	flows, err := flowtest.Table()
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	_, hosts := flowtest.House()
	for _, h := range hosts {
		links[h.Name] = h.Link
	}
	asked := 0
	for _, f := range flows {
		what, ok := askable(f)
		if !ok {
			continue
		}
		asked++
		zone := map[string]string{"eth0": "wan", "eth1": "lan", "eth1.20": "guests"}[links[f.From]]
		question := fmt.Sprintf("explain from %s %s to %s %s --json", zone, f.Packet.Src.Addr(), f.Packet.Dst.Addr(), what)
		stdout, stderr, code := g.run(t, strings.Fields(question)...)
		var all []admin.Explanation
		if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != 0 || len(all) != 1 {
			t.Errorf("flows.txt:%d: %s: exit status %d, %s %v", f.Line, question, code, stderr, err)
			continue
		}
		e := all[0]
		got, want := e.Verdict, map[string]string{"": "accept", "box": "accept", "answered": "accept", "dropped": "drop", "reset": "reject",
			"prohibited": "reject"}[f.Fate.Kind]
		if e.Verdict == "no route" && want == "drop" { // the kernel drops it
			got = "drop"
		}
		if f.Fate.Kind == "" {
			want += " " + ends(links[f.Fate.Host], f.Fate.Src.Addr(), f.Fate.Dst)
			got += " " + ends(e.Out, e.Source.Addr(), e.Destination)
		}
		if rule, named := strings.CutPrefix(f.By, "rule_"); named {
			got, want = got+" by "+e.Rule, want+" by "+rule
		}
		if got != want {
			t.Errorf("flows.txt:%d: %s: %s, want %s", f.Line, question, got, want)
		}
	}
	if asked < 100 {
		t.Errorf("%d flows were asked about", asked)
	}
}

func ends(out string, src netip.Addr, dst netip.AddrPort) string {
	return fmt.Sprintf("%s %s > %s", out, src, dst)
}

// askable are the words for the service of a flow, of one that people ask about: it is whole, begins a
// conversation, and its protocol has a name.
func askable(f flowtest.Flow) (string, bool) {
	p := f.Packet
	whole := p.Frag == "" && !p.BadSum && p.Hop != 1 && f.Fate.Kind != "ignored"
	if f.State != "new" || f.By == "banned" || !whole || p.Flags != "S" && p.Flags != "" {
		return "", false
	}
	switch p.Proto {
	case 1:
		return fmt.Sprint("icmp ", p.Type), true
	case 58:
		return fmt.Sprint("icmpv6 ", p.Type), true
	}
	name, ok := map[uint8]string{6: "tcp", 17: "udp", 132: "sctp", 41: "ipv6", 50: "esp"}[p.Proto]
	if p.Dst.Port() != 0 {
		name += fmt.Sprint(" ", p.Dst.Port())
	}
	return name, ok
}

// TestTableOfFates: the table that is answered without a service says of each of its rows, at both of its
// ends, what is answered about that service alone.
func TestTableOfFates(t *testing.T) {
	g := officeGate(t)
	for _, ends := range []string{
		"from lan to servers", "from guests to box", "from wan to web1", "from lan to wan", "from box to web1", "from wan to box",
	} {
		stdout, stderr, code := g.run(t, strings.Fields("explain "+ends+" --json")...)
		var rows []admin.Explanation
		if err := json.Unmarshal([]byte(stdout), &rows); err != nil || code != 0 {
			t.Errorf("%s: exit status %d, %s%v", ends, code, stderr, err)
			continue
		}
		checked := 0
		covered := map[string]bool{} // by whom: tables in which a row is about TCP port 47
		for _, row := range rows {
			for _, what := range questionsOf(row, covered) {
				checked++
				stdout, stderr, code := g.run(t, strings.Fields("explain "+what+" --json")...)
				var one []admin.Explanation
				if err := json.Unmarshal([]byte(stdout), &one); err != nil || code != 0 || len(one) != 1 {
					t.Errorf("%s: exit status %d, %s%v", what, code, stderr, err)
				} else if one[0].Verdict != row.Verdict || one[0].Rule != row.Rule {
					t.Errorf("%s: %s by %s, but the table has %s by %s", what, one[0].Verdict, one[0].Rule, row.Verdict, row.Rule)
				}
			}
		}
		if checked == 0 {
			t.Errorf("%s: no rows among %+v", ends, rows)
		}
	}
}

// questionsOf are about the services at both ends of a row of a table.
func questionsOf(row admin.Explanation, covered map[string]bool) []string {
	words, whom := strings.Fields(row.Packet), ""
	from, to := words[1], words[slices.Index(words, "to")+1]
	if strings.Contains(row.Packet, " of the appliance itself ") {
		from = "box"
	}
	whom = "from " + from + " to " + to + " "
	proto, ports, _ := strings.Cut(row.Flow, " ")
	if row.Flow == "all else" && !covered[row.Packet] {
		return []string{whom + "tcp 47"}
	}
	first, last, isRange := strings.Cut(strings.Fields(ports + " -")[0], "-")
	if !isRange {
		last = first
	}
	lo, err := strconv.Atoi(first)
	hi, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil {
		return nil // a protocol without ports, or a type of ICMP
	}
	covered[row.Packet] = covered[row.Packet] || proto == "tcp" && lo <= 47 && 47 <= hi
	return []string{fmt.Sprint(whom, proto, " ", lo), fmt.Sprint(whom, proto, " ", hi)}
}
