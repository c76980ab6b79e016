package nfttext_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden: testdata/NAME.json is a policy, testdata/NAME.nft what an engineer reads. After a change of the
// rules `go test ./firewall/nfttext -update` writes them anew; the difference is what to review.
func TestGolden(t *testing.T) {
	for _, name := range []string{"home", "zones"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var policy firewall.Policy
		if err := json.Unmarshal(text, &policy); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		table, err := firewall.Compile(policy, firewall.Features{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, golden := nfttext.Render(table), "testdata/"+name+".nft"
		if arp := (firewall.Loaded{Policy: policy}).ARP(); arp.Chains != nil {
			got += "\n" + nfttext.Render(arp)
		}
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not what the policy means now (-update writes it):\n%s", golden, diff(t, golden, got))
		}
	}
}

// diff compares a file with text, by diff(1) because its words are known.
func diff(t *testing.T, file, text string) string {
	cmd := exec.Command("diff", "-u", file, "-")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err == nil {
		t.Fatal("diff(1) sees no difference where there is one")
	}
	return string(out)
}

// TestEveryFieldHasText renders a match of each field: one without a name would be a rule that matches too
// much.
func TestEveryFieldHasText(t *testing.T) {
	for _, f := range firewall.Fields() {
		table := firewall.Table{Name: "t",
			Sets: []firewall.Set{{Name: "s", Key: []firewall.Field{f}}},
			Chains: []firewall.Chain{{Name: "c", Rules: []firewall.TreeRule{
				{Matches: []firewall.Match{{Fields: []firewall.Field{f}, Set: "s"}}}}}}}
		text := nfttext.Render(table)
		if strings.Contains(text, "\t\t @s") || strings.Contains(text, "type \n") {
			t.Errorf("field %d has no name:\n%s", f, text)
		}
	}
}

// TestEveryVerdictHasText does the same for verdicts.
func TestEveryVerdictHasText(t *testing.T) {
	for _, kind := range firewall.VerdictKinds()[1:] {
		table := firewall.Table{Name: "t", Chains: []firewall.Chain{{Name: "c",
			Rules: []firewall.TreeRule{{Verdict: firewall.Verdict{Kind: kind, Target: "target"}}}}}}
		if text := nfttext.Render(table); strings.Contains(text, "\t\t\n") {
			t.Errorf("verdict %d has no text:\n%s", kind, text)
		}
	}
}

// TestSameTextForSamePolicy: nothing of it depends on the order of Go's maps.
func TestSameTextForSamePolicy(t *testing.T) {
	for seed := range uint64(50) {
		texts := map[string]bool{}
		for range 5 {
			table, err := firewall.Compile(policytest.Random(rand.New(rand.NewPCG(seed, 0))), firewall.Features{})
			if err != nil {
				t.Fatal(err)
			}
			texts[nfttext.Render(table)] = true
		}
		if len(texts) != 1 {
			t.Fatalf("seed %d: %d different texts of one policy", seed, len(texts))
		}
	}
}
