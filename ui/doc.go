// Package ui is the face: it turns what it is given into pages.
//
// # The rule of this room
//
// It asks for nothing. A page is one exported struct that embeds Frame; the server fills it from the book and the
// dispatcher and calls Render. So every page can be drawn, tested and looked at without a database, and no page can
// be slow by itself.
//
//	server ──fills──▶ ui.Jobs{Frame, …} ──Render──▶ templates/*.html ──▶ HTML
//	                                                assets/*  ◀──Assets── /assets/name.hash.ext
//
// # Words
//
//   - frame: what is around every page: navigation, search, flash message, footer, theme.
//   - moment: a time as people read it, "12 s ago", with the instant itself behind it.
//   - standing: a job's state in one word and one sign: queued and retrying are told apart from scheduled here.
//   - region: an element with data-live and an id. Scripts replace regions when events arrive, and nothing else.
//
// # What holds
//
//   - Everything works without JavaScript: reading, filtering, paging, every form and every action. With it the pages
//     follow the event stream: a script fetches the page it is on and swaps the regions, so that there is one way to
//     draw a thing, and it is here.
//   - Names, headers, bodies and reasons come from strangers. html/template escapes them, no value is ever declared
//     safe, and visible shows control and direction characters instead of obeying them.
//   - The Content-Security-Policy allows no inline script or style. Lengths in pictures are SVG attributes.
//   - Nothing is loaded from another host; assets are embedded and named by their content.
package ui
