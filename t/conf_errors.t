#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what nginx -t says: wrong values, unknown names and unsafe
# combinations are refused, in words that name the directive and the token;
# and everything that is documented is accepted.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('configuration errors')->has('llm_batch');

# accepted, in a location with llm_batch

for my $line ('llm_batch zone=llm', 'llm_batch zone=llm dry_run',
	'llm_batch off', 'llm_batch_mode auto', 'llm_batch_mode merge',
	'llm_batch_mode per_request', 'llm_batch_mode $http_x_mode',
	'llm_batch_adapter auto', 'llm_batch_adapter openai_embeddings',
	'llm_batch_adapter openai_embeddings ollama_embed tei_embed',
	'llm_batch_group "$llm_batch_task:$llm_batch_model"',
	'llm_batch_tenant $remote_user', 'llm_batch_tenant shared',
	'llm_batch_vary $http_user_agent $remote_addr', 'llm_batch_vary off',
	'llm_batch_ignore_headers X-Noise X-Other*',
	'llm_batch_credentials Authorization X-Key',
	'llm_batch_ignore_members user metadata',
	'llm_batch_ignore_members off',
	'llm_batch_credentials Authorization; llm_batch_ignore_headers Cookie',
	'llm_batch_task $http_x_llm_task', 'llm_batch_task index',
	'llm_batch_task off', 'llm_batch_eligible_tasks any',
	'llm_batch_eligible_tasks off', 'llm_batch_eligible_tasks a b/c',
	'llm_batch_latency_budget 250', 'llm_batch_latency_budget 0',
	'llm_batch_latency_budget "1m 30s"', 'llm_batch_latency_budget off',
	'llm_batch_latency_budget $arg_ms', 'llm_batch_latency_budget 250ms',
	'llm_batch_latency_threshold 0', 'llm_batch_latency_threshold 1s',
	'llm_batch_latency_tolerance low', 'llm_batch_latency_tolerance off',
	'llm_batch_latency_tolerance medium',
	'llm_batch_latency_tolerance High',
	'llm_batch_latency_tolerance $arg_tolerance',
	'llm_batch_priority 0', 'llm_batch_priority 9',
	'llm_batch_priority off', 'llm_batch_priority $http_x_llm_priority',
	'llm_batch_min_size 1',
	'llm_batch_max_size 1', 'llm_batch_max_size 2048',
	'llm_batch_max_tokens 0', 'llm_batch_max_tokens 8192',
	'llm_batch_max_body 1m', 'llm_batch_max_response 64k',
	'llm_batch_max_wait 0', 'llm_batch_max_wait 20ms',
	'llm_batch_patience off', 'llm_batch_patience 5%',
	'llm_batch_patience 100%', 'llm_batch_patience 0% budget',
	'llm_batch_window slot', 'llm_batch_window fixed',
	'llm_batch_split on', 'llm_batch_split off', 'llm_batch_split on max=1024',
	'llm_batch_concurrency 1', 'llm_batch_concurrency auto',
	'llm_batch_concurrency auto max=4',
	'llm_batch_fallback off', 'llm_batch_fallback_limit 0%',
	'llm_batch_fallback_limit 100%',
	'llm_batch_breaker failures=1 cooldown=500ms', 'llm_batch_headers on')
{
	my $more = $line =~ /^llm_batch / ? '' : 'llm_batch zone=llm;';
	my ($rc, $out) = check("$more $line;");
	is($rc, 0, "accepted: $line") or diag($out);
}

# refused: the line and what the message tells beside the directive

for (
	[ 'llm_batch', 'llm_batch' ],
	[ 'llm_batch on', 'on' ],
	[ 'llm_batch zone=', 'zone=' ],
	[ 'llm_batch zone=unknown', 'unknown' ],
	[ 'llm_batch zone=llm fast', 'fast' ],
	[ 'llm_batch off dry_run', 'dry_run' ],
	[ 'llm_batch zone=llm; llm_batch zone=llm', 'duplicate' ],
	[ 'llm_batch_mode fast', 'fast' ],
	[ 'llm_batch_mode Auto', 'Auto' ],
	[ 'llm_batch_mode pack', 'not supported by this version' ],
	[ 'llm_batch_adapter what', 'what' ],
	[ 'llm_batch_adapter auto openai_embeddings', 'auto' ],
	[ 'llm_batch_adapter openai_embeddings openai_embeddings',
		'openai_embeddings' ],
	[ 'llm_batch_group', 'arguments' ],
	[ 'llm_batch_tenant', 'arguments' ],
	[ 'llm_batch_ignore_headers Authorization', 'authorization' ],
	[ 'llm_batch_ignore_headers X-Api-Key', 'x-api-key' ],
	[ 'llm_batch_ignore_headers Cook*', 'cookie' ],
	[ 'llm_batch_ignore_headers X-*', 'x-api-key' ],
	[ 'llm_batch_ignore_headers *', '*' ],
	[ 'llm_batch_ignore_headers X-*-Id', 'X-*-Id' ],
	[ 'llm_batch_ignore_headers ""', 'llm_batch_ignore_headers' ],
	[ 'llm_batch_ignore_members model', 'model' ],
	[ 'llm_batch_ignore_members user input', 'input' ],
	[ 'llm_batch_ignore_members n', '"n"' ],
	[ 'llm_batch_ignore_members top_n', 'top_n' ],
	[ 'llm_batch_ignore_members text_2', 'text_2' ],
	[ 'llm_batch_ignore_members truncate', 'truncate' ],
	[ 'llm_batch_ignore_members temperature', 'temperature' ],
	[ 'llm_batch_ignore_members encoding_format', 'encoding_format' ],
	[ 'llm_batch_ignore_members return_token_ids', 'return_token_ids' ],
	[ 'llm_batch_ignore_members late_chunking', 'late_chunking' ],
	[ 'llm_batch_ignore_members dimensions', 'dimensions' ],
	[ 'llm_batch_ignore_members a; llm_batch_ignore_members b', 'duplicate' ],
	[ join(' ', 'llm_batch_ignore_members', 1 .. 17), 'too many' ],
	[ 'llm_batch_credentials X-*', 'X-*' ],
	[ 'llm_batch_credentials a; llm_batch_credentials b', 'duplicate' ],
	[ 'llm_batch_credentials X-Me; llm_batch_ignore_headers X-Me', 'x-me' ],
	[ 'llm_batch_task', 'arguments' ],
	[ 'llm_batch_task a; llm_batch_task b', 'duplicate' ],
	[ 'llm_batch_eligible_tasks', 'arguments' ],
	[ 'llm_batch_eligible_tasks a any', 'any' ],
	[ 'llm_batch_eligible_tasks any a', 'any' ],
	[ 'llm_batch_eligible_tasks off a', 'off' ],
	[ 'llm_batch_eligible_tasks a b a', 'duplicate task "a"' ],
	[ 'llm_batch_eligible_tasks a ""', '""' ],
	[ 'llm_batch_eligible_tasks $arg_task', '$arg_task' ],
	[ 'llm_batch_eligible_tasks a; llm_batch_eligible_tasks a',
		'duplicate' ],
	[ 'llm_batch_latency_budget', 'arguments' ],
	[ 'llm_batch_latency_budget soon', 'soon' ],
	[ 'llm_batch_latency_budget -5', '-5' ],
	[ 'llm_batch_latency_budget 1.5s', '1.5s' ],
	[ 'llm_batch_latency_budget ""', '""' ],
	[ 'llm_batch_latency_budget 1; llm_batch_latency_budget 2',
		'duplicate' ],
	[ 'llm_batch_latency_threshold soon', 'soon' ],
	[ 'llm_batch_latency_threshold -1', '-1' ],
	[ 'llm_batch_latency_threshold off', 'off' ],
	[ 'llm_batch_latency_tolerance none', 'none' ],
	[ 'llm_batch_latency_tolerance lo', 'lo' ],
	[ 'llm_batch_latency_tolerance low high', 'arguments' ],
	[ 'llm_batch_priority 10', '10' ],
	[ 'llm_batch_priority -1', '-1' ],
	[ 'llm_batch_priority high', 'high' ],
	[ 'llm_batch_priority 05', '05' ],
	[ 'llm_batch_min_size 0', '0' ],
	[ 'llm_batch_min_size two', 'two' ],
	[ 'llm_batch_max_size 0', '0' ],
	[ 'llm_batch_max_size 2049', '2049' ],
	[ 'llm_batch_max_size 1k', '1k' ],
	[ 'llm_batch_max_tokens -5', '-5' ],
	[ 'llm_batch_max_body 1x', '1x' ],
	[ 'llm_batch_max_response big', 'big' ],
	[ 'llm_batch_max_wait forever', 'forever' ],
	[ 'llm_batch_max_wait -1', '-1' ],
	[ 'llm_batch_patience 10', '10' ],
	[ 'llm_batch_patience 101%', '101%' ],
	[ 'llm_batch_patience -1%', '-1%' ],
	[ 'llm_batch_patience %', '%' ],
	[ 'llm_batch_patience $arg_p', '$arg_p' ],
	[ 'llm_batch_patience 10% always', 'always' ],
	[ 'llm_batch_patience off budget', 'off' ],
	[ 'llm_batch_window often', 'often' ],
	[ 'llm_batch_window rate=10', 'rate=10' ],
	[ 'llm_batch_window rate=0r/s', 'rate=0r/s' ],
	[ 'llm_batch_window rate=10r/h', 'rate=10r/h' ],
	[ 'llm_batch_window rate=r/s', 'rate=r/s' ],
	[ 'llm_batch_split yes', 'yes' ],
	[ 'llm_batch_split on max=0', 'max=0' ],
	[ 'llm_batch_split on max=1025', 'max=1025' ],
	[ 'llm_batch_split on 64', '64' ],
	[ 'llm_batch_split off max=4', 'max=4' ],
	[ 'llm_batch_concurrency 0', '0' ],
	[ 'llm_batch_concurrency many', 'many' ],
	[ 'llm_batch_concurrency auto max=0', 'max=0' ],
	[ 'llm_batch_concurrency 4 max=8', 'max=8' ],
	[ 'llm_batch_concurrency auto min=1', 'min=1' ],
	[ 'llm_batch_fallback never', 'never' ],
	[ 'llm_batch_fallback_limit 50', '50' ],
	[ 'llm_batch_fallback_limit -1%', '-1%' ],
	[ 'llm_batch_breaker', 'arguments' ],
	[ 'llm_batch_breaker failures=0', 'failures=0' ],
	[ 'llm_batch_breaker failures=x cooldown=1s', 'failures=x' ],
	[ 'llm_batch_breaker failures=3 cooldown=x', 'cooldown=x' ],
	[ 'llm_batch_breaker errors=3', 'errors=3' ],
	[ 'llm_batch_headers all', 'all' ],
	[ 'llm_batch_headers on; llm_batch_headers on', 'duplicate' ],
	[ 'llm_batch_status xml', 'xml' ],
	[ 'llm_batch_zone zone=z:8m', 'not allowed' ],
) {
	my ($line, $token) = @$_;
	my ($directive) = $line =~ /^(\w+)/;
	my $more = $directive eq 'llm_batch' ? '' : 'llm_batch zone=llm;';

	refused($line, $directive, $token, check("$more $line;"));
}

# in http {}

$t->write_file(empty => '')->write_file(line => "\r\n")
	->write_file(short => "0123456789abcde\n")
	->write_file(good => "0123456789abcdef")
	->write_file(long => 'x' x 4099);

for ('good', 'off') {
	my ($rc, $out) = check('llm_batch zone=llm;', "llm_batch_secret $_;");
	is($rc, 0, "accepted: llm_batch_secret $_") or diag($out);
}

for (
	[ 'llm_batch_zone', 'arguments' ],
	[ 'llm_batch_zone llm:8m', 'llm:8m' ],
	[ 'llm_batch_zone zone=other', 'zone=other' ],
	[ 'llm_batch_zone zone=:8m', 'zone=:8m' ],
	[ 'llm_batch_zone zone=other:', 'zone=other:' ],
	[ 'llm_batch_zone zone=other:x', 'zone=other:x' ],
	[ 'llm_batch_zone zone=other:512k', 'other' ],
	[ 'llm_batch_zone zone=other:8m size=1', 'arguments' ],
	[ 'llm_batch_zone zone=llm:8m', 'llm' ],
	[ 'llm_batch_secret', 'arguments' ],
	[ 'llm_batch_secret ""', '""' ],
	[ 'llm_batch_secret missing', 'missing' ],
	[ 'llm_batch_secret tmp', 'tmp" is not a file' ],
	[ 'llm_batch_secret empty', 'empty" is empty' ],
	[ 'llm_batch_secret line', 'line" is empty' ],
	[ 'llm_batch_secret short', 'short" is too short' ],
	[ 'llm_batch_secret long', 'long" is not a file of up to 4096 bytes' ],
	[ 'llm_batch_secret good; llm_batch_secret good', 'duplicate' ],
	[ 'llm_batch_secret off; llm_batch_secret good', 'duplicate' ],
) {
	my ($line, $token) = @$_;
	my ($directive) = $line =~ /^(\w+)/;

	refused($line, $directive, $token,
		check('llm_batch zone=llm;', "$line;"));
}

# members that a format of the configuration needs, wherever it is declared

for my $directives (
	[ 'llm_batch_format acme match=/a request=words response=x;',
		'llm_batch_ignore_members user words;' ],
	[ 'llm_batch_ignore_members user words;',
		'llm_batch_format acme match=/a request=words response=x;' ],
) {
	refused("@$directives", 'llm_batch_ignore_members', 'words',
		check('llm_batch zone=llm;', join "\n", @$directives));
}

# what nginx itself refuses, in its own words

refused('an unknown variable', 'variable', 'no_such_variable',
	check('llm_batch zone=llm; llm_batch_group $no_such_variable;'));
refused('a zone of another module', 'zone', 'taken',
	check('llm_batch zone=llm;', 'limit_req_zone $uri zone=taken:1m rate=1r/s;'
		. ' llm_batch_zone zone=taken:8m;'));

# an error names file and line

my ($rc, $out) = check('llm_batch_max_size 0;');
like($out, qr!in \S+/nginx\.conf:\d+!, 'file and line');

$t->expect(qr/\[emerg\]/);
$t->done();


sub check ($location, $http = '') {
	$t->conf("location / {\n$location\nproxy_pass http://backend;\n}",
		http => $http);
	return $t->check_conf();
}

sub refused ($line, $directive, $token, $rc, $out) {
	my ($emerg) = $out =~ /\[emerg\] (.*)/;

	$emerg //= '';
	$emerg =~ s/ in \S+:\d+$//;

	ok($rc == 1 && $emerg =~ /\Q$directive\E/ && $emerg =~ /\Q$token\E/,
		"refused: $line") or diag("$rc: $out");
}
