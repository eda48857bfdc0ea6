(* SPDX-License-Identifier: MIT *)

(* The cases of ../cases.go with Lwt, called as that is: promise --case NAME --time 300ms. Prints name, nanoseconds and
   nanoseconds of CPU per operation; or name and bytes per promise; nothing for a case that Lwt has no equivalent of. *)

open Lwt.Infix

let links = 1000
let million = 1_000_000

(* What the callbacks count, so that each run can be checked and no callback is for nothing. *)
let hits = ref 0
let hit v = incr hits; v + 1

(* Outside a callback, Lwt runs what waits for a promise inside the call that resolves it: its quickest way. *)
let each op n = for _ = 1 to n do op () done; Lwt.return_unit

let resolved = Lwt.return 1

let bind_resolved () = ignore (Lwt.bind resolved (fun v -> Lwt.return (hit v)))

let map_pending () =
  let p, r = Lwt.task () in
  ignore (Lwt.map hit p);
  Lwt.wakeup_later r 1

let bind_pending () =
  let p, r = Lwt.task () in
  ignore (Lwt.bind p (fun v -> Lwt.return (hit v)));
  Lwt.wakeup_later r 1

let chain link () =
  let p, r = Lwt.task () in
  let rec go p i = if i = 0 then p else go (link p) (i - 1) in
  Lwt.on_success (go p links) (fun v -> if v = links then incr hits);
  Lwt.wakeup_later r 0

let all_pending () =
  let rec make ps rs i =
    if i = 0 then (ps, rs)
    else let p, r = Lwt.task () in make (p :: ps) (r :: rs) (i - 1) in
  let ps, rs = make [] [] links in
  Lwt.on_success (Lwt.all ps) (fun vs -> if List.compare_length_with vs links = 0 then incr hits);
  List.iter (fun r -> Lwt.wakeup_later r 1) rs

let pick () =
  let a, r = Lwt.task () and b, _ = Lwt.task () in
  Lwt.on_success (Lwt.pick [a; b]) (fun _ ->
      match Lwt.state b with Lwt.Fail Lwt.Canceled -> incr hits | _ -> ());
  Lwt.wakeup_later r 1

(* The ones that weft writes as a task are loops of binds. *)

let rec pause_loop n =
  if n = 0 then Lwt.return_unit
  else Lwt.pause () >>= fun () -> incr hits; pause_loop (n - 1)

let spawn () =
  Lwt.dont_wait (fun () -> Lwt.return_unit >>= fun () -> incr hits; Lwt.return_unit) raise

let rec spawn_many n =
  if n = 0 then Lwt.return_unit
  else begin
    for _ = 1 to links do spawn () done;
    Lwt.pause () >>= fun () -> spawn_many (n - 1)
  end

let rec spawn_await n =
  if n = 0 then Lwt.return_unit
  else begin
    let p, r = Lwt.task () in
    let waits () = p >>= fun v -> Lwt.return (hit v) in
    let t = waits () in
    let after = t >>= fun _ -> spawn_await (n - 1) in
    Lwt.wakeup_later r 1;
    after
  end

let rec await_pending n =
  if n = 0 then Lwt.return_unit
  else begin
    let p, r = Lwt.task () in
    let after = p >>= fun _ -> incr hits; await_pending (n - 1) in
    Lwt.wakeup_later r 1;
    after
  end

let rec await_resolved n =
  if n = 0 then Lwt.return_unit
  else resolved >>= fun _ -> incr hits; await_resolved (n - 1)

let rec timers n =
  if n = 0 then Lwt.return_unit
  else begin
    let fired = ref 0 in
    let over, r = Lwt.task () in
    let count () = incr hits; incr fired; if !fired = million then Lwt.wakeup_later r () in
    for i = 0 to million - 1 do
      ignore (Lwt.map count (Lwt_unix.sleep (float (1 + i * 7919 mod 100) /. 1000.)))
    done;
    over >>= fun () -> timers (n - 1)
  end

(* Name, operations in a lap, hits in a lap, what runs n laps. *)
let cases = [
  "bind-resolved", 1, 1, each bind_resolved;
  "map-pending", 1, 1, each map_pending;
  "bind-pending", 1, 1, each bind_pending;
  "chain-1000-map", links, 1, each (chain (fun p -> Lwt.map succ p));
  "chain-1000-bind", links, 1, each (chain (fun p -> Lwt.bind p (fun v -> Lwt.return (v + 1))));
  "all-1000", links, 1, each all_pending;
  "pick-2", 1, 1, each pick;
  "pause-loop", 1, 1, pause_loop;
  "spawn", 1, 1, each spawn;
  "spawn-1000", links, links, spawn_many;
  "spawn-await", 1, 1, spawn_await;
  "await-pending", 1, 1, await_pending;
  "await-resolved", 1, 1, await_resolved;
  "timers-1e6", million, million, timers;
]

let measure (name, per, hits_per_lap, run) at_least =
  let rec go n =
    Gc.full_major ();
    hits := 0;
    let cpu = Sys.time () and start = Unix.gettimeofday () in
    Lwt_main.run (run n);
    let wall = Unix.gettimeofday () -. start and used = Sys.time () -. cpu in
    if !hits <> n * hits_per_lap then failwith (name ^ ": a callback did not run");
    if wall >= at_least then
      let ops = float n *. float per in
      Printf.printf "%s\t%.2f\t%.2f\n" name (wall *. 1e9 /. ops) (used *. 1e9 /. ops)
    else
      let guess = 1.2 *. float n *. at_least /. (wall +. 1e-9) in
      go (int_of_float (Float.min (guess +. 1.) (100. *. float n)))
  in
  go 1

let live () =
  Gc.compact ();
  float ((Gc.stat ()).Gc.live_words * (Sys.word_size / 8))

let memory name one =
  let rs = Array.make million (snd (Lwt.task ())) in
  let before = live () in
  for i = 0 to million - 1 do rs.(i) <- one () done;
  let after = live () in
  Array.iter (fun r -> Lwt.wakeup_later r 1) rs;
  Printf.printf "%s\t%.1f\n" name ((after -. before) /. float million)

let version () =
  let gc = Gc.get () in
  Printf.printf "OCaml %s, %s engine, minor heap %d kwords, space_overhead %d\n" Sys.ocaml_version
    (if Lwt_sys.have `libev then "libev" else "select") (gc.Gc.minor_heap_size / 1024) gc.Gc.space_overhead

let () =
  let name = ref "" and at_least = ref 0.3 in
  Arg.parse
    [ "--case", Arg.Set_string name, "NAME";
      "--time", Arg.String (fun s -> at_least := Scanf.sscanf s "%fms" (fun ms -> ms /. 1000.)), "MILLISECONDS as 300ms";
      "--version", Arg.Unit (fun () -> version (); exit 0), "what runs the cases" ]
    (fun s -> raise (Arg.Bad s)) "promise --case NAME --time 300ms";
  match !name with
  | "memory-pending" -> memory !name (fun () -> snd (Lwt.task ()))
  | "memory-map" ->
    memory !name (fun () -> let p, r = Lwt.task () in ignore (Lwt.map hit p); r);
    if !hits <> million then failwith "memory-map: a callback did not run"
  | _ -> List.iter (fun ((n, _, _, _) as c) -> if n = !name then measure c !at_least) cases
