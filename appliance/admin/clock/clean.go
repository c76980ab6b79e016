package clock

import (
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// How much of what services say is shown. They keep less themselves: this is for one that was taken over.
const (
	maxText     = 512 // bytes of a sentence
	maxName     = 256 // of a name or an address
	maxProblems = 50
	maxServers  = 300
)

func cutAll(all []string) []string {
	all = all[:min(len(all), maxProblems)]
	for i := range all {
		all[i] = printable.Cut(all[i], maxText)
	}
	return all
}

// cleanStatus bounds what the service says, and makes it safe for a terminal.
func cleanStatus(st *run.Status) {
	st.Server, st.RefID = printable.Cut(st.Server, maxName), printable.Cut(st.RefID, maxName)
	st.Problems = cutAll(st.Problems)
	if h := st.Host; h != nil {
		h.Clock, h.Trouble = printable.Cut(h.Clock, maxName), printable.Cut(h.Trouble, maxText)
	}
}

func cleanSources(all *run.Sources) {
	all.State, all.Problems = printable.Cut(all.State, maxText), cutAll(all.Problems)
	all.Servers = all.Servers[:min(len(all.Servers), maxServers)]
	for i := range all.Servers {
		s := &all.Servers[i]
		s.Name, s.Addr, s.Why = printable.Cut(s.Name, maxName), printable.Cut(s.Addr, maxName),
			printable.Cut(s.Why, maxText)
		s.RefID = printable.Cut(s.RefID, maxName)
	}
}

func cleanClients(all *run.Clients) {
	all.Clients = all.Clients[:min(len(all.Clients), maxClients)]
	for i := range all.Clients {
		all.Clients[i].Addr = all.Clients[i].Addr.WithZone("")
	}
}
