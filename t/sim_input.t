#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that llm-batch-sim loses nothing silently: what it cannot use is an
# error that names file, line and member, or the option and its value.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch::Simulator;

my $ok = '{"request_id":"%s","created_at_ms":5,"prompt":"x"%s}';
my $log = '{"time":1790000000.123,"request_time":0.010,"status":"%s",'
	. '"reason":"%s","model":"m","task":"","tokens":"%s"%s}';


sub refused($text, $message, $name) {
	my ($code, $out, $err) = simulate(trace_file($text));

	is($code, 1, "$name: exit code");
	is($err, "llm-batch-sim: trace.json$message\n", "$name: message");
	is($out, '', "$name: no report");
}


sub wrong($option, $message, @arguments) {
	my ($code, $out, $err) = simulate(@arguments);

	is($code, 2, "$option: exit code");
	is($err, "llm-batch-sim: $message\n", "$option: message");
}


sub item($more = '', $id = 'a') { return sprintf $ok, $id, $more }
sub line($more = '', $status = 'MERGED', $reason = '', $tokens = 3) {
	return sprintf $log, $status, $reason, $tokens, $more;
}


# the shape of a file

refused('', ': empty', 'empty');
refused("\n \n", ': empty', 'white space');
refused('[ ]', ': no requests', 'an empty list');
refused("\n\nwhat", ':3: neither a JSON list nor lines with a JSON object each',
	'no JSON');
refused("[\n\"a\"\n\"b\"]", ':3: "," or "]" expected', 'a comma is missing');
refused("[\"a\",\n]", ':2: unexpected token near \']\'', 'a comma too many');
refused("[\"a\",\n\"b\"", ':2: "," or "]" expected', 'not closed');
refused("[\"a\"]\n\n]", ':3: something behind the end of the list',
	'something behind the list');
refused("[\"a\",\n5]", ':2: neither a text nor an object', 'a number');
refused("[\"a\",\n" . item() . ']', ':2: an object in a list of texts',
	'an object among texts');
refused('[' . item() . ",\n\"a\"]", ':2: a text in a list of objects',
	'a text among objects');
refused("[\n{\"a\":1,\n\"a\":2}]", ':3: duplicate object key near \'"a"\'',
	'a member is there twice');
refused(item() . "\n" . item('', 'b') . item('', 'c'),
	':2: something behind the object', 'two objects on a line');
refused(item() . "\n[1]", ':2: not an object', 'a line without an object');

{
	my ($code, undef, $err) = simulate('/nonexistent/file');
	is("$code $err", "1 llm-batch-sim: /nonexistent/file: "
		. "No such file or directory\n", 'no such file');
}

# members

for (
	[ '"created_at_ms":5,"prompt":"x"', 'no "request_id"' ],
	[ '"request_id":"a","prompt":"x"', 'no "created_at_ms"' ],
	[ '"request_id":"a","created_at_ms":"","prompt":"x"',
		'"created_at_ms" is empty' ],
	[ '"request_id":"\u001b[31m\u009b","created_at_ms":5,"prompt":"x"},'
		. '{"request_id":"\u001b[31m\u009b","created_at_ms":5,"prompt":"x"',
		'"request_id" is "\x1b[31m\xc2\x9b", as in line 3' ],
	[ '"request_id":"a","created_at_ms":5', 'no "prompt"' ],
	[ '"request_id":"","created_at_ms":5,"prompt":"x"',
		'"request_id" is empty' ],
	[ '"request_id":1.5,"created_at_ms":5,"prompt":"x"',
		'"request_id" is not a text' ],
	[ '"request_id":"a","created_at_ms":null,"prompt":"x"',
		'"created_at_ms" is not a number from 0 to 1e+14' ],
	[ '"request_id":"a","created_at_ms":-1,"prompt":"x"',
		'"created_at_ms" is not a number from 0 to 1e+14' ],
	[ '"request_id":"a","created_at_ms":5,"prompt":["x"]',
		'"prompt" is not a text' ],
) {
	refused("[\n\n{$_->[0]}\n]", ":3: $_->[1]", $_->[1]);
}

for (
	[ '"token_count":-1', '"token_count" is not a number from 0 to 1e+12' ],
	[ '"token_count":"many"',
		'"token_count" is not a number from 0 to 1e+12' ],
	[ '"shortened_query":1', '"shortened_query" is not a text' ],
	[ '"selected_model":{}', '"selected_model" is not a text' ],
	[ '"task_type":[]', '"task_type" is not a text' ],
	[ '"latency_budget_ms":true',
		'"latency_budget_ms" is not a number from 0 to 1e+09' ],
	[ '"key":5', '"key" is not a text' ],
	[ '"key":"' . 'k' x 1025 . '"', '"key" is longer than 1024' ],
	[ '"items":0', '"items" is not a number from 1 to 100000' ],
	[ '"items":1.5', '"items" is not a number from 1 to 100000' ],
	[ '"items":100001', '"items" is not a number from 0 to 100000' ],
	[ '"analysis_json":5', '"analysis_json" is not an object' ],
	[ '"analysis_json":"[]"', '"analysis_json" is not an object' ],
	[ '"analysis_json":"{"',
		'"analysis_json": string or \'}\' expected near end of file' ],
	[ '"analysis_json":{"latency_tolerance":"some"}',
		'"latency_tolerance" is "some", not "low", "medium" or "high"' ],
	[ '"analysis_json":{"latency_tolerance":1}',
		'"latency_tolerance" is not a text' ],
) {
	refused('[' . item('', 'b') . ",\n" . item(",$_->[0]") . ']', ":2: $_->[1]",
		$_->[0]);
}

refused('[' . item() . ",\n" . item() . ']',
	':2: "request_id" is "a", as in line 1', 'an id that is there twice');

# what is null is as if it were not there

is(simulated(trace_file('[' . item(join ',', '', map { "\"$_\":null" }
	qw/ token_count shortened_query selected_model task_type
	latency_budget_ms analysis_json key items /) . ']'))->{runs}[0]{summary}{requests},
	1, 'null');

# lines of a log

for my $name (qw/ time request_time status reason model task tokens /) {
	refused(line() . "\n" . line() =~ s/"$name":[^,}]*,?//r =~ s/,\}/}/r,
		":2: no \"$name\"", "log: without $name");
}

for my $name (qw/ time request_time /) {
	refused(line() =~ s/"$name":[^,}]*/"$name":""/r,
		":1: \"$name\" is empty", "log: empty $name");
}

refused(line('', 'MERGD'), ':1: "status" is "MERGD"', 'log: status');
refused(line('', 'BYPASS', 'odd'), ':1: "reason" is "odd"', 'log: reason');
refused(line('', 'MERGED', '', 'x'),
	':1: "tokens" is not a number from 0 to 1e+12', 'log: tokens');

my $replayed = simulated(trace_file(join "\n",
	line(), line('', ''), line('', '-'), line('', 'BYPASS', 'stream', ''),
	line(',"budget":"80"', 'BYPASS', 'budget'),
	line(',"budget":"80"'), line(',"budget":"nonsense","tolerance":"?"'),
	line(',"budget":"1s","tolerance":"low","priority":"9"', 'BYPASS',
		'zone_full')));

is_deeply($replayed->{runs}[0]{summary}{reason}, { stream => 1, budget => 2 },
	'log: what is decided anew, and what is not');
is($replayed->{runs}[0]{summary}{requests}, 6, 'log: requests');
is($replayed->{runs}[0]{skipped_lines}, 2, 'log: lines without a status');
is($replayed->{runs}[0]{summary}{budgets}{given}, 3, 'log: budgets');
like((simulate(trace_file(join "\n", line(), line('', ''))))[1],
	qr/1 lines without a status skipped/, 'log: skipped lines are told');

my $held = simulated('--latency-threshold', 0, '--concurrency', 1,
	trace_file(join "\n", map { sprintf $_->[0], 'BYPASS', 'budget', 3,
		qq/,"request_id":"$_->[1]","budget":"$_->[2]"/ } (
		[ $log =~ s/\.123/.200/r, 'second', '90' ],
		[ $log =~ s/\.123/.210/r =~ s/"request_time":0.010/"request_time":0.080/r,
			'first', '1s' ])));

is_deeply($held->{runs}[0]{summary}{status}, { SINGLE => 2 },
	'log: a budget that was too short, and no longer is');
is_deeply([ map { "$_->{sent_ms} @{$_->{requests}}" }
	@{$held->{runs}[0]{batches}} ], [ '0 first', '60 second' ],
	'log: requests came before they were logged');

# the command line

my $file = trace_file([ 'a' ]);

wrong('nothing', 'no file, no --generate and no --clients; --help tells more');
wrong('two files', '"b": there is a file already, "a"', 'a', 'b');
wrong('unknown', 'unknown option "--foo"; --help lists them', '--foo', 1);
wrong('no value', '"--max-size" needs a value', '--max-size');
wrong('rate', '"--rate" is for --generate', '--rate', 5, $file);
wrong('generate', '"--generate" needs --rate', '--generate', 'poisson');
wrong('both', '"x": a file and --generate do not go together',
	qw/ --generate poisson --rate 5 x /);
wrong('both', '"x": a file and --clients do not go together',
	qw/ --clients 5 x /);
wrong('clients', '"--clients" and "--generate" do not go together: a client '
	. 'asks again when it has its answer',
	qw/ --clients 5 --generate poisson --rate 5 /);
wrong('clients', '"--clients" and "--rate" do not go together: a client '
	. 'asks again when it has its answer', qw/ --rate 5 --clients 5 /);
for (qw/ suggest frontier=x /) {
	my $name = s/=.*//r;
	wrong($name, "\"--compare\" and \"--$name\" do not go together: that has "
		. 'settings of its own', '--compare', 'slot', "--$_", $file);
}
wrong('suggest', '"--suggest" and "--frontier" do not go together: they have '
	. 'other settings', '--suggest', '--frontier', 'x', $file);
wrong('costs', '"--cost": there are 2 of them, for "--models 1"',
	qw/ --generate poisson --rate 5 --cost /, '1,2');
wrong('costs', '"--cost": there are 2 of them, for "--models 1"', '--cost',
	'1,2', $file);
wrong('slower', '"--slower" is for --bound and --suggest', '--slower', 5, $file);
wrong('think', '"--think" is for --clients', '--think', 5, $file);
wrong('keys', '"--keys" is for --generate and --clients; a file has its own, '
	. 'as "key"', '--keys', 5, $file);
wrong('items', '"--items" is for --generate and --clients; a file has its '
	. 'own, as "items"', '--items', 5, $file);
wrong('compare', '--compare "x": "x" is no setting; the list of settings ends '
	. 'at the next option, or at "--"', qw/ --compare slot x /);
wrong('compare', '--compare "foo=1": unknown setting "foo"',
	qw/ --compare foo=1 -- x /);
wrong('compare', '--compare "slot max_size=0": "max_size" must be 1 to 2048, '
	. 'not "0"', '--compare', 'slot max_size=0', '--', 'x');

for (
	[ 'max-size', '1 to 2048', qw/ 0 2049 -1 x 1.5 /, '' ],
	[ 'min-size', '1 to 2048', 0 ],
	[ 'max-tokens', 'a number', -1, 'x' ],
	[ 'max-wait', 'a time up to an hour', qw/ 5x 2h 1.5 -1 /, '' ],
	[ 'latency-threshold', 'a time up to an hour', 'x' ],
	[ 'latency-budget', 'a time up to an hour', 'x' ],
	[ 'tolerance', '"low", "medium" or "high"', 'some' ],
	[ 'window', '"slot", "fixed", "rate=...r/s", "rate=...r/m" or "none"',
		qw{ x rate=5 rate=0r/s rate } ],
	[ 'concurrency', 'a number up to 65535, or "auto" ["max=number"]',
		0, 'x', 'auto max=0', 'auto min=1', 65536 ],
	[ 'eligible-tasks', '"any", or up to 64 names with commas in between',
		'', 'a,' ],
	[ 'zone', 'a size from 1m to 4096m', qw/ 1k x 5000m / ],
	[ 'cost', 'ms such as "3.15+0.62n", or up to 16 of them with commas in '
		. 'between', '1,', ',1', '1,x', join(',', 1 .. 17), 'x', '1+', '1*', 'n', '1n+*2',
		'1+2m', 'inf', '0x1',
		'1+1n+1n', '1+2', '1t+1+1t' ],
	[ 'parallel', '1 to 4096, or "unlimited"', qw/ 0 5000 x / ],
	[ 'jitter', '0% to 100%', qw/ 10 101% x / ],
	[ 'reject', '0% to 100%', 'x' ],
	[ 'limit', 'a rate such as 50r/s', 5, 'x', '0r/s' ],
	[ 'retry-after', 'a time up to an hour', 'x' ],
	[ 'generate', '"poisson", "bursts" or "heavy"', 'x' ],
	[ 'rate', 'up to 32 numbers above 0 with commas in between', 0, '1,',
		join ',', 1 .. 33 ],
	[ 'clients', 'up to 32 numbers up to 100000 with commas in between',
		qw/ 0 1.5 x 100001 /, '1,', '' ],
	[ 'think', 'a time up to an hour', qw/ x 2h / ],
	[ 'items', '1 to 2048', qw/ 0 2049 x / ],
	[ 'most-items', '0 to 100000', qw/ -1 100001 x / ],
	[ 'keys', '1 to 10000000, with ",zipf" or ",zipf=exponent", or "unique"',
		0, 'x', '5,', '5,zip', '5,zipf=', '5,zipf=0', '5,zipf=11', 'uniq',
		10000001 ],
	[ 'slower', 'a time up to an hour', qw/ x -1 61m / ],
	[ 'seeds', '1 to 1000', qw/ 0 1001 x / ],
	[ 'split', '"on" ["max=1 to 65535"] or "off"', qw/ x onmax 5 /,
		'on max=0' ],
	[ 'nodes', '1 to 1000', qw/ 0 1001 x / ],
	[ 'by', '"random" or "key"', qw/ x keys / ],
	[ 'seconds', 'a number up to 86400', 0, 'x' ],
	[ 'burst', '1 to 100000', 0 ],
	[ 'models', '1 to 1000', 0 ],
	[ 'tokens', '1 to 1000000', 0 ],
	[ 'budgets', 'two numbers of ms: min-max', 5, '5-', '9-5', '0-5' ],
	[ 'seed', 'a number', -1 ],
	[ 'interval', 'a time up to an hour', 'x' ],
) {
	my ($option, $wanted, @values) = @$_;

	for my $value (@values) {
		wrong("$option \"$value\"",
			"\"--$option\" must be $wanted, not \"$value\"",
			"--$option=$value", $file);
	}
}

# a file that cannot be written

{
	my ($code, $out, $err) = simulate($file, '--plot', '/nonexistent/x.svg');
	is("$code $err", '1 llm-batch-sim: /nonexistent/x.svg: '
		. "No such file or directory\n", 'a picture that cannot be written');
}

done_testing();
